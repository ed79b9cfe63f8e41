//! Leasing a block that must be waited for: `Account::lease` and its future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Account, BlockMut, LeaseError, asking::Shape, wait::Wait};
use crate::pool::engine::Grant;

impl Account {
    /// Leases a block of at least `len` bytes, and waits for it if need be: at most the pool's
    /// `max_wait`.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be had
    /// ([`is_too_large`](LeaseError::is_too_large), at once).
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future passes its turn on, and a block that was already granted
    /// goes home.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub fn lease(&self, len: usize) -> LeaseFuture {
        LeaseFuture::new(self, len, self.max_wait())
    }

    /// As [`lease`](Self::lease), with a deadline of its own.
    pub fn lease_timeout(&self, len: usize, within: Duration) -> LeaseFuture {
        LeaseFuture::new(self, len, within)
    }

    /// As [`lease`](Self::lease), for code that polls: `slot` keeps the place in the queue from one
    /// poll to the next.
    ///
    /// An empty slot begins a new lease of `len` bytes; it is empty again when this is ready. A
    /// full one goes on with the length and the account that it began with. To give the place up,
    /// empty it.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub fn poll_lease(
        &self,
        cx: &mut Context<'_>,
        slot: &mut Option<LeaseFuture>,
        len: usize,
    ) -> Poll<Result<BlockMut, LeaseError>> {
        let lease = slot.get_or_insert_with(|| self.lease(len));
        let polled = Pin::new(lease).poll(cx);
        if polled.is_ready() {
            *slot = None;
        }
        polled
    }
}

/// The future of [`Account::lease`]: waits for its turn and for a block.
///
/// Waits in order behind those who came before, until its deadline. It holds nothing while it
/// waits.
///
/// # Cancel safety
/// Dropping it passes its turn on; a block that was already granted goes home. Polled again after
/// it was ready, it leases anew.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled: the deadline
/// is a tokio timer.
#[must_use = "futures do nothing unless polled"]
pub struct LeaseFuture {
    wait: Wait,
}

impl LeaseFuture {
    fn new(pool: &Account, len: usize, within: Duration) -> Self {
        Self { wait: Wait::new(pool, len, Shape::Block, within) }
    }
}

impl Future for LeaseFuture {
    type Output = Result<BlockMut, LeaseError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.wait.poll_grant(cx).map_ok(Grant::into_block).map_ok(BlockMut::from)
    }
}

impl fmt::Debug for LeaseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseFuture").field("wait", &self.wait).finish()
    }
}
