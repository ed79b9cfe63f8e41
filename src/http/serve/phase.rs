//! `Phase`: what an awake connection does.

/// A phase begins anew, with its deadline, when it differs from the one before. `Busy` begins anew
/// at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Bytes of the next head came, after `dispatched` requests.
    Head { dispatched: u32 },
    /// A response is in flight, or the connection waits for the client.
    Busy,
    /// The response is out, and its request has not ended. `reads` counts the reads that brought
    /// bytes.
    Draining { reads: u32 },
    /// There is nothing to do, after `dispatched` requests and `reads` reads that brought bytes.
    Idle { dispatched: u32, reads: u32 },
}

impl Phase {
    /// Whether every request is answered, and there was one.
    pub(super) fn may_park(self) -> bool {
        match self {
            Self::Idle { .. } => true,
            Self::Head { dispatched } => dispatched > 0,
            Self::Busy | Self::Draining { .. } => false,
        }
    }
}
