//! `UpgradeError`: why a request is not answered with a WebSocket.

use std::fmt;

use ::http::{HeaderValue, Response, StatusCode, header};

use crate::{chain::Chain, http::BytesBody};

/// A request that is no handshake of a WebSocket, or that cannot be answered.
/// [`into_response`](Self::into_response) makes the answer to the client.
///
/// | | status | |
/// |---|---|---|
/// | the method is not GET | 405 | `Allow: GET` |
/// | it asks for no WebSocket ([`is_plain`](Self::is_plain)) | 426 | `Upgrade: websocket` |
/// | the version is not 13 | 426 | `Upgrade: websocket`, `Sec-WebSocket-Version: 13` |
/// | it is broken in another way | 400 | |
/// | the server, or a layer, lets no connection be upgraded | 500 | |
///
/// On HTTP/2 there is no Upgrade, and a WebSocket begins with an extended CONNECT (RFC 8441):
///
/// | | status | |
/// |---|---|---|
/// | the method is not CONNECT; a GET asks for no WebSocket ([`is_plain`](Self::is_plain)) | 405 | `Allow: CONNECT` |
/// | the version is not 13 | 400 | `Sec-WebSocket-Version: 13` |
/// | it is broken in another way, or of another `:protocol` | 400 | |
/// | the server, or a layer, lets no stream be a tunnel | 500 | |
///
/// # Examples
/// ```
/// use hyper::{Request, StatusCode};
/// use leasehold::ws;
///
/// let mut request = Request::get("/chat").body(())?; // a browser that shows the path as a page
/// let error = ws::upgrade(&mut request).unwrap_err();
/// assert!(error.is_plain());
/// assert_eq!(error.into_response().status(), StatusCode::UPGRADE_REQUIRED);
/// # Ok::<(), hyper::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeError {
    kind: Kind,
    opening: Opening,
}

/// How a WebSocket begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// On HTTP/1: a GET with an Upgrade.
    Get,
    /// On HTTP/2: an extended CONNECT.
    Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Method,
    NotAsked,
    Version,
    Bad(&'static str),
    NotOurs,
}

impl UpgradeError {
    /// Of a request of HTTP/1.
    fn new(kind: Kind) -> Self {
        Self { kind, opening: Opening::Get }
    }

    /// Of a request of HTTP/2.
    pub(in crate::ws) fn of_connect(self) -> Self {
        Self { opening: Opening::Connect, ..self }
    }

    pub(in crate::ws) fn method() -> Self {
        Self::new(Kind::Method)
    }

    pub(in crate::ws) fn not_asked() -> Self {
        Self::new(Kind::NotAsked)
    }

    pub(in crate::ws) fn version() -> Self {
        Self::new(Kind::Version)
    }

    pub(in crate::ws) fn bad(why: &'static str) -> Self {
        Self::new(Kind::Bad(why))
    }

    pub(in crate::ws) fn not_ours() -> Self {
        Self::new(Kind::NotOurs)
    }

    /// The request is a plain GET: a page may be the better answer.
    pub fn is_plain(&self) -> bool {
        self.kind == Kind::NotAsked
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match (self.kind, self.opening) {
            (Kind::Method, _) | (Kind::NotAsked, Opening::Connect) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            (Kind::NotAsked | Kind::Version, Opening::Get) => StatusCode::UPGRADE_REQUIRED,
            // RFC 9110 §15.5.22: a 426 has an Upgrade, which HTTP/2 forbids (RFC 9113 §8.2.2).
            (Kind::Bad(_), _) | (Kind::Version, Opening::Connect) => StatusCode::BAD_REQUEST,
            (Kind::NotOurs, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Makes the response, with the reason as its text.
    pub fn into_response(self) -> Response<BytesBody> {
        let text = bytes::Bytes::from(self.to_string());
        let mut response = Response::new(BytesBody::new(Chain::from(text)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status() == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static(self.method_name()));
        }
        if self.status() == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110 §15.5.22: the response names the protocol to upgrade to.
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        if self.kind == Kind::Version {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }

    fn method_name(self) -> &'static str {
        match self.opening {
            Opening::Get => "GET",
            Opening::Connect => "CONNECT",
        }
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Method => write!(f, "a WebSocket begins with a {}", self.method_name()),
            Kind::NotAsked if self.opening == Opening::Connect => {
                write!(f, "this is a WebSocket: on HTTP/2 it begins with an extended CONNECT")
            }
            Kind::NotAsked => {
                write!(f, "this is a WebSocket: the request's Upgrade must be \"websocket\"")
            }
            Kind::Version => write!(f, "the Sec-WebSocket-Version must be 13"),
            Kind::Bad(why) => write!(f, "the request for a WebSocket is not well-formed: {why}"),
            Kind::NotOurs => write!(f, "the server does not let this connection be upgraded"),
        }
    }
}

impl std::error::Error for UpgradeError {}
