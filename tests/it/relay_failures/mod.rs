//! Relays of which one direction fails: the other one gives out all that had arrived, and ends in
//! its own time.

mod deadlines;
mod directions;
mod early_answers;

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(20);

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}
