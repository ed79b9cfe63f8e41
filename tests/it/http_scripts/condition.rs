//! One condition of those under which a connection may be parked.

use std::env;

/// What must hold before a connection is taken apart to its bare socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// 1: no response is in flight, from the service's call to the drop of the response's body.
    NoneInFlight = 1,
    /// 2: every request body was seen to its end.
    BodiesSeen = 2,
    /// 3: no request body was dropped before its end since the last request was dispatched.
    NoneDropped = 3,
    /// 4: all that was written is flushed.
    Flushed = 4,
    /// 5: the last read found nothing.
    ReadPending = 5,
    /// 6: bytes left over from the last parking have become a request.
    PrefixUsed = 6,
}

impl Condition {
    /// Those without which a connection is visibly wrong, each with a script that tells. The fifth
    /// makes the others cheaper to trust, and guards nothing alone: what was not read yet is read
    /// after the parking.
    pub(crate) const NEEDED: [(Self, &str); 5] = [
        (Self::NoneInFlight, "a streamed response"),
        (Self::BodiesSeen, "a body that a task reads, of which a part comes late"),
        (Self::NoneDropped, "an ignored body that comes late"),
        (Self::Flushed, "4 MiB that are read late"),
        (Self::PrefixUsed, "a rest in a head"),
    ];

    /// The one that the environment switches off: `LEASEHOLD_SKIP=1` to `6`.
    pub(crate) fn from_env() -> Option<Self> {
        let number = env::var("LEASEHOLD_SKIP").ok()?;
        let all =
            Self::NEEDED.map(|(condition, _)| condition).into_iter().chain([Self::ReadPending]);
        let condition = all.into_iter().find(|condition| (*condition as u8).to_string() == number);
        Some(
            condition
                .unwrap_or_else(|| panic!("LEASEHOLD_SKIP is a condition, 1 to 6, not {number:?}")),
        )
    }
}
