//! Turns at the disk.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many uploads may be in a call to the disk at once. Each takes one of the
/// [`BLOCKING_THREADS`](crate::BLOCKING_THREADS): when the disk is slow, there must be some for all
/// else.
const TURNS: usize = crate::BLOCKING_THREADS / 2;

/// Turns at the disk, in order. Clones share the turns.
#[derive(Clone, Debug)]
pub struct Turns {
    free: Arc<Semaphore>,
}

impl Turns {
    pub fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(TURNS)) }
    }

    /// Waits for a turn; the turn ends when the permit is dropped.
    ///
    /// # Cancel safety
    /// Cancel safe, but the place in line is lost.
    pub async fn take(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.free).acquire_owned().await.expect("it is never closed")
    }
}
