//! Leasing a chain: `Account::try_chain`, `Account::chain` and its future.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::ChainMut;
use crate::pool::{Account, LeaseError, Shape, Wait};

impl Account {
    /// Leases an empty chain with room for `len` bytes, charged to this account. It leases all of
    /// the room, or nothing.
    ///
    /// # Shape
    /// The chain has at most 63 blocks, of mixed sizes, so that little room is wasted: 1 MiB and 4
    /// KiB for 1,052,672 bytes. If the best sizes have run out, any others serve. `remaining_mut()`
    /// is at least `len`.
    ///
    /// # Errors
    /// As [`try_lease`](Self::try_lease). A length over a quarter of the budget, over what 63
    /// blocks hold, or over a limit is refused for good ([`LeaseError::is_too_large`]).
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.try_chain(1_052_672)?;
    /// assert_eq!(chain.remaining_mut(), 1_052_672);
    /// assert_eq!(pool.leased(), (1 << 20) + (4 << 10));
    /// assert!(pool.try_chain(4 << 20).is_err_and(|error| error.is_too_large()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_chain(&self, len: usize) -> Result<ChainMut, LeaseError> {
        match self.lease_single(len) {
            Some(block) => Ok(ChainMut::with_block(self, block)),
            None => Ok(ChainMut::with_room(self, self.try_lease_chain(len)?)),
        }
    }

    /// As [`try_chain`](Self::try_chain), but a refusal is not counted (TOLD).
    pub(crate) fn try_chain_untold(&self, len: usize) -> Result<ChainMut, LeaseError> {
        match self.lease_single(len) {
            Some(block) => Ok(ChainMut::with_block(self, block)),
            None => Ok(ChainMut::with_room(self, self.try_lease_chain_untold(len)?)),
        }
    }

    /// Leases an empty chain with room for `len` bytes. If there is no memory now, it waits for the
    /// pool's `max_wait` at most.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be leased
    /// ([`is_too_large`](LeaseError::is_too_large), reported at once).
    ///
    /// # Cancel safety
    /// Cancel safe. The future holds nothing while it waits. Dropping it passes its turn on, and
    /// blocks that were already granted go home.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.chain(10_000).await?;
    /// chain.put_bytes(b'x', 10_000);
    /// assert_eq!(chain.freeze().len(), 10_000);
    /// assert_eq!(pool.leased(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn chain(&self, len: usize) -> ChainLeaseFuture {
        self.chain_timeout(len, self.max_wait())
    }

    /// As [`chain`](Self::chain), but waits for `within` at most.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let user = pool.account("user", 1 << 20);
    /// let held = user.try_chain(1 << 20)?;
    /// let refused = user.chain_timeout(4_096, Duration::from_millis(5)).await;
    /// assert!(refused.is_err_and(|error| error.is_deadline_passed()));
    /// # drop(held);
    /// # Ok(())
    /// # }
    /// ```
    pub fn chain_timeout(&self, len: usize, within: Duration) -> ChainLeaseFuture {
        ChainLeaseFuture { wait: Wait::new(self, len, Shape::Chain, within) }
    }
}

/// The future of [`Account::chain`]. It waits for its turn, then for all blocks together.
///
/// # Cancel safety
/// Dropping it passes its turn on. Blocks that were already granted go home.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled, because the
/// deadline is a tokio timer.
///
/// # Examples
/// ```
/// use leasehold::{ChainLeaseFuture, Pool};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let leasing: ChainLeaseFuture = pool.chain(100); // it may be kept in a field
/// assert_eq!(pool.leased(), 0); // nothing happens before the first poll
/// assert_eq!(leasing.await?.len(), 0);
/// # Ok(())
/// # }
/// ```
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
