//! `Phase`: what an awake connection does.

/// A phase begins anew, with its deadline, whenever it differs from the one before. The deadline of
/// `Busy` is set at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Bytes of the next head came, after `dispatched` requests.
    Head { dispatched: u32 },
    /// A response is in flight, or the connection waits for its client.
    Busy,
    /// A response is out, but its request is not finished; `reads` reads brought bytes.
    Draining { reads: u32 },
    /// Nothing to do, after `dispatched` requests and `reads` reads that brought bytes.
    Idle { dispatched: u32, reads: u32 },
}

impl Phase {
    /// Whether there was a request, and all requests are answered.
    pub(super) fn may_park(self) -> bool {
        match self {
            Self::Idle { .. } => true,
            Self::Head { dispatched } => dispatched > 0,
            Self::Busy | Self::Draining { .. } => false,
        }
    }
}
