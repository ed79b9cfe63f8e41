//! A client of HTTP/2 that opens WebSockets.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http2::{SendRequest, handshake},
    ext::Protocol,
    http::request::Builder,
    upgrade::Upgraded,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{
    Pool,
    ws::{Message, Role, WebSocket},
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Socket = WebSocket<TokioIo<Upgraded>>;

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Empty<Bytes>>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<()>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
        let connection = tokio::spawn(async { drop(connection.await) });
        let client = Self { sender, connection };
        // A client may ask for a WebSocket once it has the server's SETTINGS (RFC 8441 §3). They
        // are in front of the first answer.
        assert_eq!(client.get("/hello").await, "hello");
        client
    }

    pub(crate) async fn send(&self, request: Builder) -> Result<Response<Incoming>, hyper::Error> {
        let request = request.body(Empty::new()).expect("a request");
        timeout(PATIENCE, self.sender.clone().send_request(request)).await.expect("an answer")
    }

    /// An ordinary request.
    pub(crate) async fn get(&self, path: &str) -> String {
        let response = self.send(Request::get(uri(path))).await.expect("an answer");
        text(response).await
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(&self, path: &str, pool: &Pool) -> Socket {
        let response = self.send(connect(path)).await.expect("an answer");
        socket(response, pool).await
    }
}

pub(crate) fn uri(path: &str) -> String {
    format!("http://here{path}")
}

/// The extended CONNECT of a WebSocket.
pub(crate) fn connect(path: &str) -> Builder {
    of_protocol("websocket", path).header("sec-websocket-version", "13")
}

/// An extended CONNECT of any protocol.
pub(crate) fn of_protocol(protocol: &'static str, path: &str) -> Builder {
    Request::builder()
        .method(Method::CONNECT)
        .uri(uri(path))
        .extension(Protocol::from_static(protocol))
}

/// The socket of a request that was granted.
pub(crate) async fn socket(response: Response<Incoming>, pool: &Pool) -> Socket {
    assert_eq!(response.status(), StatusCode::OK);
    for name in ["upgrade", "connection", "sec-websocket-accept", "content-length"] {
        assert!(!response.headers().contains_key(name), "{response:?}");
    }
    let upgraded = hyper::upgrade::on(response).await.expect("a tunnel");
    WebSocket::new(TokioIo::new(upgraded), Role::Client, pool)
}

pub(crate) async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.into()).expect("text")
}

/// Sends a message, and receives it again.
pub(crate) async fn echo(socket: &mut Socket, message: impl Into<Message>) {
    let message = message.into();
    socket.send(message.clone()).await.expect("the server reads");
    assert_eq!(next(socket).await, Some(message));
}

/// The next message; `None` at the end.
pub(crate) async fn next(socket: &mut Socket) -> Option<Message> {
    let received = timeout(PATIENCE, socket.recv()).await.expect("a message in time");
    received.transpose().expect("no error")
}
