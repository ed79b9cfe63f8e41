//! A WebSocket to the server, by a client that is not ours.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio_tungstenite::tungstenite::{
    Error, HandshakeError, Message, WebSocket, client::IntoClientRequest,
    protocol::frame::coding::CloseCode,
};

use crate::serve::server::Server;

/// One socket.
pub struct Socket {
    socket: WebSocket<TcpStream>,
}

/// The headers that make a request one for a WebSocket, for clients that send what they are told
/// to.
pub const HANDSHAKE: [&str; 4] = [
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

impl Socket {
    pub fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, &[])
            .unwrap_or_else(|status| panic!("{path} is answered with {status}"))
    }

    /// Opens it with more headers; the status, if it is not to be.
    pub fn open_with(
        server: &Server,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let tcp = TcpStream::connect(server.address).expect("the server accepts");
        // No test waits longer than this for a byte.
        tcp.set_read_timeout(Some(Duration::from_secs(45))).expect("a timeout can be set");
        let mut request =
            format!("ws://{}{path}", server.address).into_client_request().expect("an address");
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            match *name {
                "host" => drop(request.headers_mut().insert(*name, value)),
                _ => drop(request.headers_mut().append(*name, value)),
            }
        }
        match tokio_tungstenite::tungstenite::client(request, tcp) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(HandshakeError::Failure(Error::Http(reply))) => Err(reply.status().as_u16()),
            Err(error) => panic!("the server answers, not {error}"),
        }
    }

    pub fn send(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).expect("the server reads");
    }

    /// The next message but pings and pongs.
    pub fn recv(&mut self) -> Message {
        loop {
            match self.socket.read().expect("a message comes") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    #[track_caller]
    pub fn assert_echoes(&mut self, message: impl Into<Message>) {
        let message = message.into();
        self.send(message.clone());
        let heard = self.recv();
        assert!(heard == message, "of {} bytes come {}", message.len(), heard.len());
    }

    /// The next figures.
    pub fn figures(&mut self) -> Value {
        serde_json::from_str(self.recv().to_text().expect("figures are text"))
            .expect("figures are JSON")
    }

    /// Reads until the server closes; with which code.
    pub fn close_code(&mut self) -> u16 {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            match self.socket.read() {
                Ok(Message::Close(frame)) => {
                    return frame.map_or(CloseCode::Status, |frame| frame.code).into();
                }
                Ok(_) => {}
                Err(error) => panic!("the server closes, not {error}"),
            }
        }
        panic!("the server does not close");
    }

    /// Closes, and waits until the server has closed too.
    pub fn close(mut self) {
        self.socket.close(None).expect("the server reads");
        while self.socket.read().is_ok() {}
    }
}
