//! Leasing a chain: `Account::try_chain`, `Account::chain` and the future of the latter.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::ChainMut;
use crate::pool::{Account, LeaseError, Shape, Wait};

impl Account {
    /// Leases an empty chain with room for `len` bytes, charged to this account: all of it, or
    /// nothing.
    ///
    /// # Shape
    /// The blocks are of mixed sizes with little waste (1 MiB and 4 KiB for 1,052,672 bytes), at
    /// most 63 of them; where the best sizes have run out, any others serve. `remaining_mut()` is
    /// at least `len`.
    ///
    /// # Errors
    /// As [`try_lease`](Self::try_lease); a length over a quarter of the budget, over what 63
    /// blocks hold or over a limit is refused for good ([`LeaseError::is_too_large`]).
    pub fn try_chain(&self, len: usize) -> Result<ChainMut, LeaseError> {
        match self.lease_single(len) {
            Some(block) => Ok(ChainMut::with_block(self, block)),
            None => Ok(ChainMut::with_room(self, self.try_lease_chain(len)?)),
        }
    }

    /// As [`try_chain`](Self::try_chain), for those who do without: nobody is told of a refusal.
    pub(crate) fn try_chain_untold(&self, len: usize) -> Result<ChainMut, LeaseError> {
        match self.lease_single(len) {
            Some(block) => Ok(ChainMut::with_block(self, block)),
            None => Ok(ChainMut::with_room(self, self.try_lease_chain_untold(len)?)),
        }
    }

    /// Leases an empty chain with room for `len` bytes, and waits for it if need be: at most the
    /// pool's `max_wait`.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be had
    /// ([`is_too_large`](LeaseError::is_too_large), at once).
    ///
    /// # Cancel safety
    /// Cancel safe: it holds nothing while it waits; dropping the future passes its turn on, and
    /// blocks that were already granted go home.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub fn chain(&self, len: usize) -> ChainLeaseFuture {
        self.chain_timeout(len, self.max_wait())
    }

    /// As [`chain`](Self::chain), with a deadline of its own.
    pub fn chain_timeout(&self, len: usize, within: Duration) -> ChainLeaseFuture {
        ChainLeaseFuture { wait: Wait::new(self, len, Shape::Chain, within) }
    }
}

/// The future of [`Account::chain`]: waits for its turn and for the blocks, all at once.
///
/// # Cancel safety
/// Dropping it passes its turn on; blocks that were already granted go home.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled: the deadline
/// is a tokio timer.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ChainLeaseFuture {
    wait: Wait,
}

impl Future for ChainLeaseFuture {
    type Output = Result<ChainMut, LeaseError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.wait.poll(cx);
        polled.map_ok(|blocks| ChainMut::with_room(self.wait.account(), blocks))
    }
}
