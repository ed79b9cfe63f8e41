//! `Cover`: reserved bytes that the leases of an account are made of.

use std::fmt;

use super::{LeaseError, Pool, Reservation};
use crate::pool::engine::{Charge, StandingCharge};

/// A [`Reservation`] that the leases of its account draw on: what was promised before it was
/// needed.
///
/// Whoever admits work reserves what it will need, and makes a cover of it. Leases of that account,
/// and of accounts inside it, then take their bytes out of the cover: they are not charged again,
/// need no room in the pool and pass the line of those who wait. What the cover has not enough for
/// is leased as ever, and reservations are no leases. Bytes that were drawn belong to the blocks,
/// and go home with them; they do not come back to the cover. Dropped, it gives back what was not
/// drawn.
///
/// # Shape
/// Bytes. A lease draws the capacity of its block or nothing. An account inside the covered one is
/// charged, within its own limit.
///
/// # Costs
/// A covered lease takes the lock of the shared store once, a lease in an account without a cover
/// none.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(1 << 20)?;
/// let request = pool.child("request 7", 256 << 10);
/// let cover = request.try_cover(128 << 10)?;
/// let mut others = Vec::new();
/// while let Ok(block) = pool.try_lease(64 << 10) {
///     others.push(block);
/// }
/// let block = request.try_lease(64 << 10)?; // was promised: of all others the pool has none left
/// assert_eq!((cover.left(), request.leased()), (64 << 10, 128 << 10));
/// drop(cover);
/// assert_eq!(request.leased(), 64 << 10);
/// drop((block, others));
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a cover that is not kept is given back at once"]
pub struct Cover {
    /// What was laid there; what is left of it stands in the account (COVERED).
    pub(super) laid: Option<StandingCharge>,
}

impl Cover {
    /// Bytes that leases may still draw: of all covers of this account, if it has several.
    pub fn left(&self) -> usize {
        self.laid.as_ref().map_or(0, |laid| laid.account().cover())
    }
}

impl Reservation {
    /// Makes a [`Cover`] of it: the account's leases draw on these bytes from here on.
    pub fn into_cover(self) -> Cover {
        let laid = self.into_reserved().take_charge();
        if let Some(laid) = &laid {
            laid.account().owner.lay_cover(laid.account(), laid.bytes());
        }
        Cover { laid }
    }
}

impl Pool {
    /// Reserves `len` bytes as a cover of this account: as [`try_reserve`](Self::try_reserve) and
    /// [`into_cover`](Reservation::into_cover), under one lock.
    ///
    /// # Errors
    /// As [`try_reserve`](Self::try_reserve).
    pub fn try_cover(&self, len: usize) -> Result<Cover, LeaseError> {
        self.clone().into_cover(len)
    }

    /// As `try_cover`, of an account that is wanted for nothing else.
    pub(crate) fn into_cover(self, len: usize) -> Result<Cover, LeaseError> {
        let laid = (len <= self.reservation_len_max()).then(|| self.core().cover_fast(self.account(), len)).flatten();
        if laid.is_none() {
            return self.try_reserve(len).map(Reservation::into_cover);
        }
        // Before this wakes anybody, for a waker may panic.
        let cover =
            Cover { laid: laid.map(Charge::stand_with).map(|bytes| StandingCharge::of(self.into_account(), bytes)) };
        cover.note_leased();
        Ok(cover)
    }
}

impl Cover {
    fn note_leased(&self) {
        self.laid.iter().for_each(|laid| laid.account().owner.note_leased(false));
    }

    pub(super) fn give_back(&self) {
        if let Some(laid) = &self.laid {
            laid.account().owner.end_cover(laid.account(), laid.bytes());
        }
    }
}

impl Drop for Cover {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.laid.as_ref().map(|laid| laid.account().name());
        f.debug_struct("Cover").field("left", &self.left()).field("account", &account).finish()
    }
}
