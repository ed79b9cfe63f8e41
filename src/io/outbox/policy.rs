//! `Policy`: what a full outbox does.

/// What an [`Outbox`](super::Outbox) does with an item that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// `send` waits for its turn; `try_send` refuses. The sender slows down to the peer's pace.
    #[default]
    Wait,
    /// The item is handed back with an error that [is full](super::SendError::is_full).
    Refuse,
    /// The oldest items give way until the new one fits; for feeds of which only the newest counts.
    ///
    /// An item of which a byte was written never gives way, nor do those that are in the transport's hands at that moment: if these leave
    /// no room, nothing is dropped, and the new item is handed back with an error that [is full](super::SendError::is_full).
    DropOldest,
    /// The peer is cut off: everything queued goes home at once, and the writer ends with an error.
    Close,
}
