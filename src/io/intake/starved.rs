//! `Starved`: a wait for memory.

use crate::{chain::ChainLease, sync::Sleep};

/// A place in the queue for memory.
pub(super) struct Starved {
    pub(super) lease: Option<Box<ChainLease>>,
    pub(super) look: Sleep,
}

/// What a wait for memory came to.
pub(super) enum Memory {
    Room,
    /// The stream has ended, or failed: no memory is needed for that.
    Ended,
    /// There is nothing to read after all.
    Needless,
}
