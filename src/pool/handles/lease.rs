//! Leasing a block with a wait: `Account::lease` and its future.

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
    /// Leases a block of at least `len` bytes. If there is none now, it waits for the pool's
    /// `max_wait` at most.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be leased
    /// ([`is_too_large`](LeaseError::is_too_large), reported at once).
    ///
    /// # Cancel safety
    /// Cancel safe. Dropping the future passes its turn on, and a block that was already granted
    /// goes home.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(1 << 20)?;
    /// let all = pool.try_lease(1 << 20)?;
    /// let waiting = tokio::spawn(pool.lease(4_096));
    /// tokio::task::yield_now().await;
    /// drop(all); // the block goes to the task that waits
    /// assert_eq!(waiting.await??.capacity(), 4_096);
    /// # Ok(())
    /// # }
    /// ```
    pub fn lease(&self, len: usize) -> LeaseFuture {
        LeaseFuture::new(self, len, self.max_wait())
    }

    /// As [`lease`](Self::lease), but waits for `within` at most.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(1 << 20)?;
    /// let all = pool.try_lease(1 << 20)?;
    /// let refused = pool.lease_timeout(4_096, Duration::from_millis(5)).await;
    /// assert!(refused.is_err_and(|error| error.is_deadline_passed()));
    /// # drop(all);
    /// # Ok(())
    /// # }
    /// ```
    pub fn lease_timeout(&self, len: usize, within: Duration) -> LeaseFuture {
        LeaseFuture::new(self, len, within)
    }

    /// As [`lease`](Self::lease), for code that polls. `slot` keeps the place in the queue between
    /// polls.
    ///
    /// An empty slot begins a new lease of `len` bytes. A full slot goes on with the length and the
    /// account that it began with. The slot is empty again when the poll is ready. Set it to `None`
    /// to give the place up.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(4 << 20)?;
    /// let mut slot = None;
    /// let block = poll_fn(|cx| pool.poll_lease(cx, &mut slot, 100)).await?;
    /// assert!(slot.is_none() && block.capacity() >= 100);
    /// # Ok(())
    /// # }
    /// ```
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

/// The future of [`Account::lease`]. It waits for its turn and for a block.
///
/// It waits behind the requests that came before it, until its deadline. It holds nothing while it
/// waits.
///
/// # Cancel safety
/// Dropping it passes its turn on. A block that was already granted goes home. If it is polled
/// again after it was ready, it leases another block.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled, because the
/// deadline is a tokio timer.
///
/// # Examples
/// ```
/// use leasehold::{LeaseFuture, Pool};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(4 << 20)?;
/// let leasing: LeaseFuture = pool.lease(100); // it may be kept in a field
/// assert_eq!(pool.leased(), 0); // nothing happens before the first poll
/// assert_eq!(leasing.await?.capacity(), 1 << 10);
/// # Ok(())
/// # }
/// ```
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
