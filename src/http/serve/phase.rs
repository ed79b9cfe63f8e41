//! `Phase`: what a connection that is awake does.

/// Each is begun anew, with its deadline, whenever it differs from the one before; that of a busy
/// connection at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// So many requests were dispatched, and bytes of the next head came.
    Head { dispatched: u32 },
    /// A response is in flight, or the client is waited for.
    Busy,
    /// A response is out, and something of its request is not: so many reads brought bytes.
    Draining { reads: u32 },
    /// Nothing to do, after so many requests and so many reads that brought bytes.
    Idle { dispatched: u32, reads: u32 },
}

impl Phase {
    /// Whether all that was asked is answered, and something was.
    pub(super) fn may_park(self) -> bool {
        match self {
            Self::Idle { .. } => true,
            Self::Head { dispatched } => dispatched > 0,
            Self::Busy | Self::Draining { .. } => false,
        }
    }
}
