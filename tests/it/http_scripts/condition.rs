//! One condition of those under which a connection may be parked.

/// What must hold before a connection is taken apart to its bare socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// No response is in flight, from the service's call to the drop of the response's body.
    NoneInFlight,
    /// Every request body was seen to its end.
    BodiesSeen,
    /// No request body was dropped before its end since the last request was dispatched.
    NoneDropped,
    /// All that was written is flushed.
    Flushed,
    /// The last read found nothing.
    ReadPending,
    /// Bytes left over from the last parking have become a request.
    PrefixUsed,
}

impl Condition {
    /// Those without which a connection is visibly wrong, each with a script that tells.
    ///
    /// `ReadPending` makes the others cheaper to trust, and guards nothing alone: what was not read
    /// yet is read after the parking.
    pub(crate) const NEEDED: [(Self, &str); 5] = [
        (Self::NoneInFlight, "a streamed response"),
        (Self::BodiesSeen, "a body that a task reads, of which a part comes late"),
        (Self::NoneDropped, "an ignored body that comes late"),
        (Self::Flushed, "4 MiB that are read late"),
        (Self::PrefixUsed, "a rest in a head"),
    ];
}
