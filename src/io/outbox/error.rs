//! The errors of an outbox: an item was not queued, or what was queued is not sent.

use std::{error::Error, fmt, io};

use super::end::End;
use crate::chain::Chain;

/// The error of [`Outbox::send`](super::Outbox::send) and
/// [`Outbox::try_send`](super::Outbox::try_send). It hands the chain back.
///
/// Nothing was queued. The [`io::Error`] made from it does not have the chain; its kind is
/// `WouldBlock` for a full outbox, and for a closed one `BrokenPipe` or the kind of its transport's
/// error.
///
/// # Examples
/// ```
/// use leasehold::{Chain, io::Outbox};
///
/// let (outbox, writer) = Outbox::channel(100);
/// drop(writer);
/// let message: Chain = ["hello"].into_iter().collect();
/// let error = outbox.try_send(message).expect_err("the writer is gone");
/// assert!(error.is_closed());
/// assert_eq!(error.into_inner(), *b"hello");
/// ```
pub struct SendError {
    chain: Chain,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Full { cost: usize, held: usize, high: usize, count: u32, max_items: u32 },
    Ended(End),
}

impl SendError {
    pub(super) fn full(
        chain: Chain,
        cost: usize,
        held: usize,
        high: usize,
        count: u32,
        max_items: u32,
    ) -> Self {
        Self { chain, kind: Kind::Full { cost, held, high, count, max_items } }
    }

    pub(super) fn ended(chain: Chain, end: End) -> Self {
        Self { chain, kind: Kind::Ended(end) }
    }

    /// The chain that was to be sent.
    pub fn into_inner(self) -> Chain {
        self.chain
    }

    /// There is no room now, or other senders wait for it. Sending again later can help.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full { .. })
    }

    /// The outbox takes no more items: it was closed, its writer is gone, or its transport failed.
    pub fn is_closed(&self) -> bool {
        !self.is_full()
    }

    /// The outbox was full, and its policy was to cut the peer off.
    pub fn is_overflown(&self) -> bool {
        matches!(self.kind, Kind::Ended(End::Overflown))
    }

    /// The kind of the transport's error. Its text is the [`source`](Error::source).
    pub fn failure_kind(&self) -> Option<io::ErrorKind> {
        match &self.kind {
            Kind::Ended(end @ End::Failed(_)) => Some(end.io_kind()),
            _ => None,
        }
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.kind)
            .field("len", &self.chain.len())
            .finish()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Full { cost, held, high, count, max_items } => write!(
                f,
                "the outbox is full: {cost} bytes do not fit beside {held} of {high}, {count} of {max_items} items; wait with `send().await`, or raise `max_queued` or `max_items`"
            ),
            Kind::Ended(end) => end.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Full { .. } => None,
            Kind::Ended(end) => end.source(),
        }
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        match error.kind {
            Kind::Full { .. } => io::Error::new(io::ErrorKind::WouldBlock, error.to_string()),
            Kind::Ended(end) => end.into(),
        }
    }
}

/// The error of [`Outbox::flush`](super::Outbox::flush): the outbox ended before all was sent.
///
/// # Examples
/// ```
/// use leasehold::io::Outbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (outbox, writer) = Outbox::channel(100);
/// outbox.send(bytes::Bytes::from("hello")).await?;
/// drop(writer);
/// let error = outbox.flush().await.expect_err("it was not sent");
/// assert!(!error.is_overflown() && error.failure_kind().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FlushError {
    end: End,
}

impl FlushError {
    pub(super) fn new(end: End) -> Self {
        Self { end }
    }

    /// The outbox was full, and its policy was to cut the peer off.
    pub fn is_overflown(&self) -> bool {
        matches!(self.end, End::Overflown)
    }

    /// The kind of the transport's error. Its text is the [`source`](Error::source).
    pub fn failure_kind(&self) -> Option<io::ErrorKind> {
        matches!(self.end, End::Failed(_)).then(|| self.end.io_kind())
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.fmt(f)
    }
}

impl Error for FlushError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.end.source()
    }
}

impl From<FlushError> for io::Error {
    fn from(error: FlushError) -> Self {
        error.end.into()
    }
}
