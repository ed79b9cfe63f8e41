//! `MemoryWait`: a wait for memory.

use crate::{chain::ChainLeaseFuture, sync::Sleep};

/// A place in the queue for memory.
pub(super) struct MemoryWait {
    pub(super) lease: Option<Box<ChainLeaseFuture>>,
    pub(super) look: Sleep,
}

/// The result of a wait for memory.
pub(super) enum Memory {
    Room,
    /// The stream has ended or failed, and that needs no memory.
    Ended,
    /// There is nothing to read after all.
    Needless,
}
