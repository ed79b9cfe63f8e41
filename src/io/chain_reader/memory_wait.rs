//! `MemoryWait`: a wait for memory.

use crate::{chain::ChainLeaseFuture, sync::Sleep};

/// A place in the queue for memory.
pub(super) struct MemoryWait {
    pub(super) lease: Option<Box<ChainLeaseFuture>>,
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
