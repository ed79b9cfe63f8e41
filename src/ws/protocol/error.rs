//! `Error`: why a WebSocket failed.

use std::{fmt, io};

use super::{close::CloseCode, violation::Violation};
use crate::pool::LeaseError;

/// The error of a [`WebSocket`](crate::ws::WebSocket): what the peer did, what failed, or which
/// limit was reached.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::{CloseCode, Role, WebSocket}};
/// use tokio::io::AsyncWriteExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let (near, mut far) = tokio::io::duplex(1 << 10);
/// let mut server = WebSocket::new(near, Role::Server, &pool);
/// far.write_all(b"\x81\x05hello").await?; // a client must mask its frames
///
/// let error = server.recv().await.unwrap().unwrap_err();
/// assert!(error.is_protocol());
/// assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL)); // the peer is told
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Error {
    /// In a box, so that a `Result` of a message is no larger than the message.
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Io(io::Error),
    /// The transport ended without a close frame.
    Abrupt,
    Violation(Violation),
    /// `what` has `len` or more; `unit` is the unit of `len`.
    OverLimit {
        what: &'static str,
        len: u64,
        most: u64,
        unit: &'static str,
        code: CloseCode,
    },
    Lease(LeaseError),
    Closed,
    /// Nothing came in time: no pong, or no answer to our close frame.
    Silent,
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(in crate::ws) fn abrupt() -> Self {
        Self::new(Kind::Abrupt)
    }

    pub(in crate::ws) fn closed() -> Self {
        Self::new(Kind::Closed)
    }

    pub(in crate::ws) fn silent() -> Self {
        Self::new(Kind::Silent)
    }

    pub(in crate::ws) fn too_long(what: &'static str, len: u64, most: usize) -> Self {
        Self::new(Kind::OverLimit {
            what,
            len,
            most: most as u64,
            unit: "bytes",
            code: CloseCode::TOO_BIG,
        })
    }

    pub(in crate::ws) fn too_many(
        what: &'static str,
        len: u64,
        most: u32,
        unit: &'static str,
    ) -> Self {
        Self::new(Kind::OverLimit { what, len, most: most.into(), unit, code: CloseCode::POLICY })
    }

    /// The transport failed, or ended without a close frame.
    pub fn is_io(&self) -> bool {
        matches!(*self.kind, Kind::Io(_) | Kind::Abrupt)
    }

    /// The peer broke a rule of RFC 6455 or RFC 7692, or sent text that is not UTF-8.
    pub fn is_protocol(&self) -> bool {
        matches!(*self.kind, Kind::Violation(_))
    }

    /// A frame or a message is too long, or a peer sends too many fragments or control frames: a
    /// limit of [`Config`](crate::ws::Config).
    pub fn is_over_limit(&self) -> bool {
        matches!(*self.kind, Kind::OverLimit { .. })
    }

    /// There was no memory: the [`LeaseError`] is the [`source`](std::error::Error::source).
    pub fn is_lease(&self) -> bool {
        matches!(*self.kind, Kind::Lease(_))
    }

    /// The socket is closed: nothing can be sent any more.
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, Kind::Closed)
    }

    /// The peer has not answered a ping, or our close frame, in time.
    pub fn is_silent(&self) -> bool {
        matches!(*self.kind, Kind::Silent)
    }

    /// The code of the close frame that tells the peer of this error; none if no peer is left to be
    /// told.
    pub fn close_code(&self) -> Option<CloseCode> {
        match &*self.kind {
            Kind::Io(_) | Kind::Abrupt | Kind::Closed | Kind::Silent => None,
            Kind::Violation(Violation::Utf8 | Violation::Inflate) => Some(CloseCode::INVALID),
            Kind::Violation(_) => Some(CloseCode::PROTOCOL),
            Kind::OverLimit { code, .. } => Some(*code),
            // The message needs more than the account may ever have.
            Kind::Lease(error) if error.is_too_large() => Some(CloseCode::TOO_BIG),
            Kind::Lease(_) => Some(CloseCode::TRY_AGAIN),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Io(_) => write!(f, "the transport failed"),
            Kind::Abrupt => write!(f, "the peer is gone without a close frame"),
            Kind::Violation(violation) => write!(f, "the peer broke the protocol: {violation}"),
            Kind::OverLimit { what, len, most, unit, .. } => {
                write!(f, "{what}: {len} {unit} or more, at most {most} are taken")
            }
            Kind::Lease(_) => write!(f, "no memory for a message"),
            Kind::Closed => write!(f, "the socket is closed"),
            Kind::Silent => write!(f, "the peer has not answered in time"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Io(error) => Some(error),
            Kind::Lease(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    /// Unwraps a [`LeaseError`] that travels as an [`io::Error`].
    fn from(error: io::Error) -> Self {
        match error.downcast::<LeaseError>() {
            Ok(error) => error.into(),
            Err(error) => Self::new(Kind::Io(error)),
        }
    }
}

impl From<LeaseError> for Error {
    fn from(error: LeaseError) -> Self {
        Self::new(Kind::Lease(error))
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(Kind::Violation(violation))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &*error.kind {
            Kind::Io(error) => error.kind(),
            Kind::Abrupt => io::ErrorKind::UnexpectedEof,
            Kind::Violation(_) | Kind::OverLimit { .. } => io::ErrorKind::InvalidData,
            Kind::Lease(_) => io::ErrorKind::OutOfMemory,
            Kind::Closed => io::ErrorKind::BrokenPipe,
            Kind::Silent => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}
