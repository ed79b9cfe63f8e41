//! Reserving: `Account::try_reserve`, `Account::reserve` and its future.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Account, LeaseError, Reservation, asking::Shape, wait::Wait};

impl Account {
    /// Reserves `len` bytes for memory that lives elsewhere, charged to this account. 0 reserves
    /// nothing.
    ///
    /// Returns at once. It costs the lock of the shared store, here and when the bytes are given
    /// back. So reserve for a message or a request, not for a write.
    ///
    /// # Errors
    /// An account is at its limit ([`LeaseError::is_over_limit`]); the pool has no room, or other
    /// requests wait for it ([`is_exhausted`](LeaseError::is_exhausted)); or the length is over a
    /// limit or a quarter of the budget ([`is_too_large`](LeaseError::is_too_large)). After an
    /// error nothing is charged.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let reserved = pool.try_reserve(300_000)?;
    /// let decoder = vec![0; 300_000];
    /// assert_eq!(pool.leased(), decoder.len());
    /// assert!(pool.try_reserve(2 << 20).is_err_and(|error| error.is_too_large()));
    /// # drop(reserved);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_reserve(&self, len: usize) -> Result<Reservation, LeaseError> {
        self.try_reserve_untold(len).map_err(|error| self.told(error))
    }

    /// As [`try_reserve`](Self::try_reserve), but a refusal is not counted (TOLD).
    pub(crate) fn try_reserve_untold(&self, len: usize) -> Result<Reservation, LeaseError> {
        let request = self.request(len, Shape::Reservation)?;
        self.refuse_on_purpose(len)?;
        match self.lease_now(request) {
            Ok(grant) => Ok(Reservation::of(grant)),
            Err(blocked) => {
                self.lease_blocked(len, Shape::Reservation, blocked).map(Reservation::of)
            }
        }
    }

    /// Reserves `len` bytes. If there is no room now, it waits for the pool's `max_wait` at most.
    ///
    /// It waits in one queue with the requests for blocks.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be
    /// reserved ([`is_too_large`](LeaseError::is_too_large), reported at once).
    ///
    /// # Cancel safety
    /// Cancel safe. The future holds nothing while it waits. Dropping it passes its turn on, and
    /// bytes that were already granted are given back.
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
    /// let pool = Pool::new(4 << 20)?;
    /// let reserved = pool.reserve(300_000).await?;
    /// assert_eq!((reserved.len(), pool.leased()), (300_000, 300_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn reserve(&self, len: usize) -> ReserveFuture {
        self.reserve_timeout(len, self.max_wait())
    }

    /// As [`reserve`](Self::reserve), but waits for `within` at most.
    pub fn reserve_timeout(&self, len: usize, within: Duration) -> ReserveFuture {
        ReserveFuture { wait: Wait::new(self, len, Shape::Reservation, within) }
    }

    /// As [`reserve`](Self::reserve), for code that polls. `slot` keeps the place in the queue
    /// between polls.
    ///
    /// An empty slot begins to reserve `len` bytes. A full slot goes on with the length and the
    /// account that it began with. The slot is empty again when the poll is ready. Set it to `None`
    /// to give the place up.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
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
    /// let reserved = poll_fn(|cx| pool.poll_reserve(cx, &mut slot, 10_000)).await?;
    /// assert!(slot.is_none() && reserved.len() == 10_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_reserve(
        &self,
        cx: &mut Context<'_>,
        slot: &mut Option<ReserveFuture>,
        len: usize,
    ) -> Poll<Result<Reservation, LeaseError>> {
        let reserve = slot.get_or_insert_with(|| self.reserve(len));
        let polled = Pin::new(reserve).poll(cx);
        if polled.is_ready() {
            *slot = None;
        }
        polled
    }
}

/// The future of [`Account::reserve`]. It waits for its turn and for room.
///
/// # Cancel safety
/// Dropping it passes its turn on. Bytes that were already granted are given back. If it is polled
/// again after it was ready, it reserves once more.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled, because the
/// deadline is a tokio timer.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ReserveFuture};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(4 << 20)?;
/// let reserving: ReserveFuture = pool.reserve(100); // it may be kept in a field
/// assert_eq!(pool.leased(), 0); // nothing happens before the first poll
/// assert_eq!(reserving.await?.len(), 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ReserveFuture {
    wait: Wait,
}

impl Future for ReserveFuture {
    type Output = Result<Reservation, LeaseError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.wait.poll_grant(cx).map_ok(Reservation::of)
    }
}
