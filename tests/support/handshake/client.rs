//! A client that writes its bytes as the test says.

use std::time::{Duration, Instant};

use bytes::BufMut;
use leasehold::ws::{Role, WebSocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::site::Site;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What answers the key of the RFC's example.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The lines of a request that is granted.
pub(crate) const LINES: [&str; 6] = [
    "GET /echo HTTP/1.1",
    "Host: here",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// A head of these lines.
pub(crate) fn head(lines: &[&str]) -> String {
    lines.join("\r\n") + "\r\n\r\n"
}

/// A short frame of a client that masks with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ ..126 => frame.put_u8(0x80 | len as u8),
        len @ ..0x1_0000 => {
            frame.put_u8(0x80 | 126);
            frame.put_u16(len as u16);
        }
        len => {
            frame.put_u8(0x80 | 127);
            frame.put_u64(len as u64);
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[derive(Debug)]
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn connect(site: &Site) -> Self {
        let socket = TcpStream::connect(site.address).await.expect("a connection");
        socket.set_nodelay(true).expect("a socket");
        Self(socket)
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// The head of the next response, and its body if it says how long that is.
    pub(crate) async fn response(&mut self) -> String {
        timeout(PATIENCE, self.read_response()).await.expect("a response in time")
    }

    async fn read_response(&mut self) -> String {
        let mut response = String::new();
        while !response.ends_with("\r\n\r\n") {
            response.push(self.0.read_u8().await.expect("a response").into());
        }
        let len =
            field(&response, "content-length").map_or(0, |len| len.parse().expect("a length"));
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).await.expect("a body");
        response + &String::from_utf8(body).expect("text")
    }

    /// So many bytes, in time.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(PATIENCE, self.0.read_exact(&mut bytes))
            .await
            .expect("bytes in time")
            .expect("bytes");
        bytes
    }

    /// Reads to the end; what comes before it is dropped.
    pub(crate) async fn end(&mut self) {
        // A reset is an end too: bytes that nobody has read make it one.
        let _ =
            timeout(PATIENCE, self.0.read_to_end(&mut Vec::new())).await.expect("an end in time");
    }

    /// Goes on as a socket, after the handshake.
    pub(crate) fn into_socket(self, site: &Site) -> WebSocket<TcpStream> {
        WebSocket::new(self.0, Role::Client, &site.pool)
    }
}

/// The value of a response's header, if it has one; its name is in lower case.
pub(crate) fn field<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    response.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.to_ascii_lowercase() == name).then_some(value.trim())
    })
}

/// The status of a response.
pub(crate) fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{place}: it does not come to be");
            sleep(Duration::from_millis(5)).await;
        }
    }
}
