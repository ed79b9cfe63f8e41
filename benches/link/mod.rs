//! A connection over loopback for messages of up to 1 MiB.

use std::net::{TcpListener, TcpStream};

use socket2::{Domain, SockRef, Socket, Type};

/// What the kernel is asked to buffer either way, so that a whole message fits: else its own
/// growing of the buffers is what is measured (280 us or 630 us for the same echo of 1 MiB, by the
/// connection).
const SOCKET_LEN: usize = 4 << 20;

/// Two ends of a connection.
pub(crate) fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // Before they connect, for the window is agreed upon then.
    enlarge(SockRef::from(&listener));
    let far = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    enlarge(SockRef::from(&far));
    far.connect(&listener.local_addr().expect("an address").into()).expect("a listener");
    let (near, _) = listener.accept().expect("a connection");
    (near, far.into())
}

fn enlarge(socket: SockRef<'_>) {
    socket.set_recv_buffer_size(SOCKET_LEN).expect("a size");
    socket.set_send_buffer_size(SOCKET_LEN).expect("a size");
}
