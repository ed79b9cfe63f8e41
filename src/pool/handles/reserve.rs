//! Reserving: `Account::try_reserve`, `Account::reserve` and the future of the latter.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Account, LeaseError, Reservation, asking::Shape, wait::Wait};

impl Account {
    /// Reserves `len` bytes for memory that lives elsewhere, charged to this account; 0 reserves
    /// nothing.
    ///
    /// Returns at once. Costs the lock of the shared store, here and when it is given back: reserve
    /// for a message or a request, not for a write.
    ///
    /// # Errors
    /// An account is at its limit ([`LeaseError::is_over_limit`]), the pool has no room or others
    /// wait for it ([`is_exhausted`](LeaseError::is_exhausted)), or the length is over a limit or a
    /// quarter of the budget ([`is_too_large`](LeaseError::is_too_large)). Nothing is charged then.
    pub fn try_reserve(&self, len: usize) -> Result<Reservation, LeaseError> {
        self.try_reserve_untold(len).map_err(|error| self.told(error))
    }

    /// As [`try_reserve`](Self::try_reserve), for those who do without, or wait (TOLD).
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

    /// Reserves `len` bytes, and waits for room if need be: at most the pool's `max_wait`.
    ///
    /// Waits in one line with those who wait for blocks.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be had
    /// ([`is_too_large`](LeaseError::is_too_large), at once).
    ///
    /// # Cancel safety
    /// Cancel safe: it holds nothing while it waits; dropping the future passes its turn on, and
    /// what was already granted is given back.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub fn reserve(&self, len: usize) -> ReserveFuture {
        self.reserve_timeout(len, self.max_wait())
    }

    /// As [`reserve`](Self::reserve), with a deadline of its own.
    pub fn reserve_timeout(&self, len: usize, within: Duration) -> ReserveFuture {
        ReserveFuture { wait: Wait::new(self, len, Shape::Reservation, within) }
    }

    /// As [`reserve`](Self::reserve), for code that polls: `slot` keeps the place in the queue from
    /// one poll to the next.
    ///
    /// An empty slot begins to reserve `len` bytes; it is empty again when this is ready. A full
    /// one goes on with the length and the account that it began with. To give the place up, empty
    /// it.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
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

/// The future of [`Account::reserve`]: waits for its turn and for room.
///
/// # Cancel safety
/// Dropping it passes its turn on; what was already granted is given back. Polled again after it
/// was ready, it reserves anew.
///
/// # Panics
/// The first poll that must wait panics outside of a tokio runtime with time enabled: the deadline
/// is a tokio timer.
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
