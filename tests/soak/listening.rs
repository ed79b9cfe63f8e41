//! `listen`: a server with a task for each connection.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::house::House;

/// Accepts until the house is closed. Those who are here may stay as long as their guests.
pub(crate) fn listen<H, F>(door: TcpListener, house: &Arc<House>, handle: H) -> JoinHandle<()>
where
    H: Fn(TcpStream, SocketAddr, Arc<House>) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let house = Arc::clone(house);
    tokio::spawn(async move {
        loop {
            let accepted: io::Result<_> = tokio::select! {
                accepted = door.accept() => accepted,
                () = house.stopped() => return,
            };
            let (stream, guest) = accepted.expect("descriptors to spare");
            stream.set_nodelay(true).expect("a socket of TCP");
            leasehold::io::limit_unsent(&stream, 128 << 10).expect("a socket of TCP");
            tokio::spawn(handle(stream, guest, Arc::clone(&house)));
        }
    })
}
