//! `HubError`: why a message was not broadcast.

use std::fmt;

use crate::{pool::LeaseError, ws::Message};

/// The error of [`Hub::send`](super::Hub::send) and `try_send`; it has the message.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::{Hub, Message}};
///
/// let pool = Pool::new(8 << 20)?;
/// let hub = Hub::new(&pool);
/// hub.close();
/// let error = hub.try_send("news").unwrap_err();
/// assert!(error.is_closed());
/// assert_eq!(error.into_inner(), Message::from("news"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HubError {
    message: Message,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Closed,
    CloseFrame,
    Lease(LeaseError),
}

impl HubError {
    pub(super) fn closed(message: Message) -> Self {
        Self { message, kind: Kind::Closed }
    }

    pub(super) fn close_frame(message: Message) -> Self {
        Self { message, kind: Kind::CloseFrame }
    }

    pub(super) fn lease(message: Message, error: LeaseError) -> Self {
        Self { message, kind: Kind::Lease(error) }
    }

    /// The hub was closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.kind, Kind::Closed)
    }

    /// The hub's account has no room for the message: the [`LeaseError`] is the
    /// [`source`](std::error::Error::source).
    pub fn is_lease(&self) -> bool {
        matches!(self.kind, Kind::Lease(_))
    }

    /// Returns the message, unchanged.
    pub fn into_inner(self) -> Message {
        self.message
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Closed => write!(f, "the hub is closed"),
            Kind::CloseFrame => write!(f, "a close frame cannot be broadcast; close the hub"),
            Kind::Lease(_) => write!(f, "the hub's account has no room for the message"),
        }
    }
}

impl std::error::Error for HubError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Lease(error) => Some(error),
            Kind::Closed | Kind::CloseFrame => None,
        }
    }
}
