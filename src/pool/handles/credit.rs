//! `Credit`: reserved bytes that the leases of an account are made of.

use std::fmt;

use super::{Account, LeaseError, Reservation};
use crate::pool::engine::{Charge, HeldCharge};

/// A [`Reservation`] that the leases of its account draw on: what was promised before it was
/// needed.
///
/// Whoever admits work reserves what it will need, and makes a credit of it. Leases of that
/// account, and of accounts inside it, then take their bytes out of the credit: they are not
/// charged again, need no room in the pool and pass the line of those who wait. What the credit has
/// not enough for is leased as ever, and reservations are no leases. Bytes that were drawn belong
/// to the blocks, and go home with them; they do not come back to the credit. Dropped, it gives
/// back what was not drawn.
///
/// # Shape
/// Bytes. A lease draws the capacity of its block or nothing. An account inside the credited one is
/// charged, within its own limit.
///
/// # Costs
/// A credited lease takes the lock of the shared store once, a lease in an account without a credit
/// none.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(1 << 20)?;
/// let request = pool.account("request 7", 256 << 10);
/// let credit = request.try_credit(128 << 10)?;
/// let mut others = Vec::new();
/// while let Ok(block) = pool.try_lease(64 << 10) {
///     others.push(block);
/// }
/// let block = request.try_lease(64 << 10)?; // was promised: of all others the pool has none left
/// assert_eq!((credit.left(), request.leased()), (64 << 10, 128 << 10));
/// drop(credit);
/// assert_eq!(request.leased(), 64 << 10);
/// drop((block, others));
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a credit that is not kept is given back at once"]
pub struct Credit {
    /// What was laid there; what is left of it stands in the account (CREDITED).
    pub(super) laid: Option<HeldCharge>,
}

impl Credit {
    /// Bytes that leases may still draw: of all credits of this account, if it has several.
    pub fn left(&self) -> usize {
        self.laid.as_ref().map_or(0, |laid| laid.account().credit())
    }
}

impl Reservation {
    /// Makes a [`Credit`] of it: the account's leases draw on these bytes from here on.
    pub fn into_credit(self) -> Credit {
        let laid = self.into_reserved().take_charge();
        if let Some(laid) = &laid {
            laid.account().owner.lay_credit(laid.account(), laid.bytes());
        }
        Credit { laid }
    }
}

impl Account {
    /// Reserves `len` bytes as a credit of this account: as [`try_reserve`](Self::try_reserve) and
    /// [`into_credit`](Reservation::into_credit), under one lock.
    ///
    /// # Errors
    /// As [`try_reserve`](Self::try_reserve).
    pub fn try_credit(&self, len: usize) -> Result<Credit, LeaseError> {
        self.clone().into_credit(len)
    }

    /// As `try_credit`, of an account that is wanted for nothing else.
    pub(crate) fn into_credit(self, len: usize) -> Result<Credit, LeaseError> {
        let laid = (len <= self.reservation_len_max())
            .then(|| self.core().credit_fast(self.handle(), len))
            .flatten();
        if laid.is_none() {
            return self.try_reserve(len).map(Reservation::into_credit);
        }
        // Before this wakes anybody, for a waker may panic.
        let credit = Credit {
            laid: laid
                .map(Charge::held_with)
                .map(|bytes| HeldCharge::of(self.into_handle(), bytes)),
        };
        credit.note_leased();
        Ok(credit)
    }
}

impl Credit {
    fn note_leased(&self) {
        self.laid.iter().for_each(|laid| laid.account().owner.note_leased(false));
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        if let Some(laid) = &self.laid {
            laid.account().owner.end_credit(laid.account(), laid.bytes());
        }
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.laid.as_ref().map(|laid| laid.account().name());
        f.debug_struct("Credit").field("left", &self.left()).field("account", &account).finish()
    }
}
