//! WebSockets, with a peer that speaks raw bytes: what is received and sent, how connections end,
//! and what all of it leases.

mod cancellation;
mod close_deadline;
mod closing;
mod controls;
mod halves;
mod limits;
mod masks;
mod memory;
mod messages;
mod sending;
mod texts;
mod vanishing;
mod violations;

use crate::support::{frame, peer, transport};

use leasehold::{
    Account, Pool,
    ws::{CloseCode, CloseFrame, Config, Error, Message, Role, Utf8Chain, WebSocket},
};
use tokio::{io::DuplexStream, net::TcpStream};

use crate::ws::transport::Faulty;

const ROLES: [Role; 2] = [Role::Server, Role::Client];

fn pool() -> Pool {
    Pool::new(16 << 20).unwrap()
}

/// A socket on a transport in memory.
fn socket(role: Role, io: Faulty, pool: &Account) -> WebSocket<Faulty> {
    WebSocket::new(io, role, pool)
}

#[test]
fn a_socket_is_small_and_may_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>() {}
    fn is_send<T: Send>(_: T) {}
    is_send_and_sync::<WebSocket<TcpStream>>();
    is_send_and_sync::<WebSocket<DuplexStream>>();
    is_send_and_sync::<Message>();
    is_send_and_sync::<Utf8Chain>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<Config>();
    is_send_and_sync::<CloseFrame>();
    is_send_and_sync::<CloseCode>();
    let size = size_of::<WebSocket<TcpStream>>() - size_of::<TcpStream>();
    println!(
        "beside its transport a socket is {size} bytes; a message is {}",
        size_of::<Message>()
    );
    assert!(size <= 160, "{size}");
    assert_eq!(size_of::<Result<Message, Error>>(), size_of::<Message>());
    let pool = pool();
    let mut socket = socket(Role::Server, Faulty::new([]), &pool);
    is_send(socket.recv());
    is_send(socket.send("text"));
    is_send(socket.close(None));
}
