//! `Visitor`: a client with one connection, and what it is answered.

use std::time::Duration;

use axum::http::{Request, Response, StatusCode, header::DATE};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A response. Headers are sorted, and the date is left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (mut head, body) = response.into_parts();
        head.headers.remove(DATE);
        let texts = head.headers.iter();
        let mut headers: Vec<_> = texts
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        headers.sort();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8(body.into()).expect("text");
        Self { status: head.status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        Some(value)
    }
}

/// A client with one connection.
pub(crate) enum Visitor {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Visitor {
    /// A client of HTTP/1.
    pub(crate) async fn new(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.expect("a connection");
        tokio::spawn(connection.with_upgrades());
        Self::Http1(sender)
    }

    /// A client that begins with HTTP/2.
    pub(crate) async fn http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let shake = http2::handshake(TokioExecutor::new(), TokioIo::new(io));
        let (sender, connection) = shake.await.expect("a connection");
        tokio::spawn(connection);
        Self::Http2(sender)
    }

    /// The head of the response, and the body to be read.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let response = async {
            match self {
                Self::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Self::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        timeout(PATIENCE, response).await.expect("an answer in time").expect("an answer")
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        // A client of HTTP/2 tells the host in the address, one of HTTP/1 in a header.
        let request = match self {
            Self::Http1(_) => Request::builder().uri(path).header("host", "here"),
            Self::Http2(_) => Request::builder().uri(format!("http://here{path}")),
        };
        let request = request.method(method).body(Full::from(body.to_owned()));
        let response = self.send(request.expect("a request")).await;
        timeout(PATIENCE, Answer::read(response)).await.expect("a body in time")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }
}
