//! `ConnectError`: why a client got no WebSocket.

use std::{fmt, io, time::Duration};

use ::http::Response;
use bytes::Bytes;

use crate::pool::LeaseError;

/// The error of a client's handshake: the request could not be sent, or the answer is not that of a
/// WebSocket.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let error = ws::connect("wss://example.com", &pool).await.unwrap_err();
/// assert!(error.needs_tls());
///
/// let (near, mut far) = tokio::io::duplex(1 << 10);
/// tokio::spawn(async move {
///     far.read_u8().await?;
///     far.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 6\r\n\r\nlog in").await
/// });
/// let request = hyper::Request::get("ws://example.com").body(())?;
/// let error = ws::connect_on(near, request, &pool).await.unwrap_err();
/// let response = error.response().expect("the server has refused");
/// assert_eq!((response.status().as_u16(), &response.body()[..]), (401, &b"log in"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ConnectError {
    /// In a box, so that a `Result` is no larger for the error.
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Uri(::http::Error),
    Request(&'static str),
    Tls,
    Io(io::Error),
    Late(Duration),
    LongHead(usize),
    NoHttp(httparse::Error),
    Broken(&'static str),
    Refused(Response<Bytes>),
    Lease(LeaseError),
}

impl ConnectError {
    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(in crate::ws) fn request(why: &'static str) -> Self {
        Self::new(Kind::Request(why))
    }

    pub(in crate::ws) fn tls() -> Self {
        Self::new(Kind::Tls)
    }

    pub(in crate::ws) fn late(timeout: Duration) -> Self {
        Self::new(Kind::Late(timeout))
    }

    pub(in crate::ws) fn long_head(most: usize) -> Self {
        Self::new(Kind::LongHead(most))
    }

    pub(in crate::ws) fn broken(why: &'static str) -> Self {
        Self::new(Kind::Broken(why))
    }

    pub(in crate::ws) fn refused(response: Response<Bytes>) -> Self {
        Self::new(Kind::Refused(response))
    }

    /// The request cannot be sent: its URI, method or headers are not those of a WebSocket. Nothing
    /// was connected.
    pub fn is_request(&self) -> bool {
        matches!(*self.kind, Kind::Uri(_) | Kind::Request(_) | Kind::Tls)
    }

    /// The URI is `wss://`: connect with TLS yourself, and use
    /// [`connect_on`](crate::ws::connect_on).
    pub fn needs_tls(&self) -> bool {
        matches!(*self.kind, Kind::Tls)
    }

    /// The connection could not be made, failed, or ended before the response was whole.
    pub fn is_io(&self) -> bool {
        matches!(*self.kind, Kind::Io(_))
    }

    /// The response took longer than [`Connect::timeout`](crate::ws::Connect::timeout).
    pub fn is_deadline_passed(&self) -> bool {
        matches!(*self.kind, Kind::Late(_))
    }

    /// The head of the response is longer than [`Connect::max_head`](crate::ws::Connect::max_head).
    pub fn is_over_limit(&self) -> bool {
        matches!(*self.kind, Kind::LongHead(_))
    }

    /// The peer does not speak HTTP, or its 101 breaks a rule of RFC 6455: it may come from a
    /// cache, or from another kind of server.
    pub fn is_protocol(&self) -> bool {
        matches!(*self.kind, Kind::NoHttp(_) | Kind::Broken(_))
    }

    /// There was no memory for the frames that came behind the response: the [`LeaseError`] is the
    /// [`source`](std::error::Error::source).
    pub fn is_lease(&self) -> bool {
        matches!(*self.kind, Kind::Lease(_))
    }

    /// The response of a server that refuses: any status but 101, with the part of its body that
    /// came in time, at most 16 KiB.
    ///
    /// Redirects are not followed: see the `Location` header.
    pub fn response(&self) -> Option<&Response<Bytes>> {
        match &*self.kind {
            Kind::Refused(response) => Some(response),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Uri(_) => write!(f, "the URI is not well-formed"),
            Kind::Request(why) => write!(f, "the request cannot be sent: {why}"),
            Kind::Tls => {
                write!(f, "there is no TLS here for wss://; connect_on takes a TLS stream")
            }
            Kind::Io(_) => write!(f, "the connection failed"),
            Kind::Late(timeout) => write!(f, "no response within {timeout:?}"),
            Kind::LongHead(most) => {
                write!(f, "the head of the response has more than {most} bytes")
            }
            Kind::NoHttp(_) => write!(f, "the response is not HTTP"),
            Kind::Broken(why) => write!(f, "the response is not that of a WebSocket: {why}"),
            Kind::Refused(response) => write!(f, "the server refused: {}", response.status()),
            Kind::Lease(_) => write!(f, "no memory for the frames behind the response"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Uri(error) => Some(error),
            Kind::Io(error) => Some(error),
            Kind::NoHttp(error) => Some(error),
            Kind::Lease(error) => Some(error),
            _ => None,
        }
    }
}

impl From<::http::Error> for ConnectError {
    fn from(error: ::http::Error) -> Self {
        Self::new(Kind::Uri(error))
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::new(Kind::Io(error))
    }
}

impl From<httparse::Error> for ConnectError {
    fn from(error: httparse::Error) -> Self {
        Self::new(Kind::NoHttp(error))
    }
}

impl From<LeaseError> for ConnectError {
    fn from(error: LeaseError) -> Self {
        Self::new(Kind::Lease(error))
    }
}
