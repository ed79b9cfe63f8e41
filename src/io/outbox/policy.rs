//! `Policy`: what a full outbox does.

/// What an [`Outbox`](super::Outbox) does with an item that does not fit.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::io::{Outbox, Policy};
///
/// let (outbox, _writer) = Outbox::builder().max_queued(100).policy(Policy::Close).channel();
/// outbox.try_send(Bytes::from("the writer does not run"))?;
/// let error = outbox.try_send(Bytes::from("so this is too much")).unwrap_err();
/// assert!(error.is_overflown());
/// assert_eq!(outbox.queued(), 0); // all went home
/// # Ok::<(), leasehold::io::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// `send` waits for its turn, and `try_send` refuses. So the sender slows down to the pace of
    /// the peer.
    #[default]
    Wait,
    /// The item is handed back with an error that [is full](super::SendError::is_full).
    Refuse,
    /// The oldest items are dropped until the new one fits. It is for feeds of which only the
    /// newest item counts.
    ///
    /// An item of which a byte was written is never dropped, nor are the items that the transport
    /// is just sending. If these leave no room, nothing is dropped, and the new item is handed back
    /// with an error that [is full](super::SendError::is_full).
    DropOldest,
    /// The peer is cut off: all queued items go home at once, and the writer ends with an error.
    Close,
}
