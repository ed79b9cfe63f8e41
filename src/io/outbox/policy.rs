//! `Policy`: what a full outbox does.

/// What an [`Outbox`](super::Outbox) does with an item that does not fit.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::io::{Outbox, Policy};
///
/// let (outbox, _writer) = Outbox::builder().max_queued(100).policy(Policy::Close).channel();
/// outbox.try_send(Bytes::from("nobody runs the writer"))?;
/// let error = outbox.try_send(Bytes::from("so that this is too much")).unwrap_err();
/// assert!(error.is_overflown());
/// assert_eq!(outbox.queued(), 0); // all went home
/// # Ok::<(), leasehold::io::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// `send` waits for its turn; `try_send` refuses. The sender slows down to the peer's pace.
    #[default]
    Wait,
    /// The item is handed back with an error that [is full](super::SendError::is_full).
    Refuse,
    /// The oldest items give way until the new one fits; for feeds of which only the newest counts.
    ///
    /// An item of which a byte was written never gives way, nor do those that are in the
    /// transport's hands at that moment: if these leave no room, nothing is dropped, and the new
    /// item is handed back with an error that [is full](super::SendError::is_full).
    DropOldest,
    /// The peer is cut off: everything queued goes home at once, and the writer ends with an error.
    Close,
}
