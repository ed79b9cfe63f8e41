//! The server behind the proxies, which is as fast as they let it be.

use std::net::SocketAddr;

use bytes::Bytes;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

/// What the kernel may hold of a response on this side: the memory of the proxies is measured.
const SEND_BUFFER: usize = 64 << 10;

/// Starts a server on a thread of its own. It answers each request with the same number of bytes.
pub(crate) fn start(len: usize) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a runtime is there");
            let mut response =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n").into_bytes();
            response.resize(response.len() + len, 7);
            let response = Bytes::from(response);
            loop {
                let (socket, _) = listener.accept().await.expect("the listener does not fail");
                SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER).expect("a size");
                tokio::spawn(answer(socket, response.clone()));
            }
        });
    });
    address
}

/// Answers until the proxy closes the connection.
async fn answer(mut socket: TcpStream, response: Bytes) {
    let mut head = Vec::new();
    while socket.read_buf(&mut head).await.is_ok_and(|count| count > 0) {
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if socket.write_all(&response).await.is_err() {
                return;
            }
        }
    }
}
