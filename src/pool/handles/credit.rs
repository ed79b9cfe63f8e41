//! `Credit`: reserved bytes that leases of an account draw on.

use std::fmt;

use super::{Account, LeaseError, Reservation};
use crate::pool::engine::{Charge, HeldCharge};

/// A [`Reservation`] that leases of its account draw on: memory that was promised before it is
/// needed.
///
/// Code that admits work reserves what the work will need, and turns the reservation into a credit.
/// Leases of that account, and of accounts inside it, then draw their bytes from the credit. They
/// are not charged again, need no room in the pool, and pass the waiters. If the credit has too few
/// bytes left for a lease, that lease is made without it, as usual. Reservations do not draw on a
/// credit. Bytes that were drawn belong to the blocks and go home with them; they do not return to
/// the credit. A credit that is dropped gives back the bytes that were not drawn.
///
/// # Shape
/// The credit is counted in bytes. A lease draws the capacity of its block, or nothing. An account
/// inside the credited one is charged, within its own limit.
///
/// # Costs
/// A credited lease takes the lock of the shared store once. A lease in an account without a credit
/// takes none.
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
/// let block = request.try_lease(64 << 10)?; // out of the credit: the pool has no other block
/// assert_eq!((credit.left(), request.leased()), (64 << 10, 128 << 10));
/// drop(credit);
/// assert_eq!(request.leased(), 64 << 10);
/// drop((block, others));
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a credit that is not kept is given back at once"]
pub struct Credit {
    /// The bytes that were put into the credit. The account has what is left of them (CREDITED).
    pub(super) laid: Option<HeldCharge>,
}

impl Credit {
    /// The number of bytes that leases may still draw. If the account has several credits, this is
    /// the sum of all.
    pub fn left(&self) -> usize {
        self.laid.as_ref().map_or(0, |laid| laid.account().credit())
    }
}

impl Reservation {
    /// Turns the reservation into a [`Credit`]. From now on leases of the account draw on these
    /// bytes.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let upload = pool.account("upload", 1 << 20);
    /// let credit = upload.try_reserve(128 << 10)?.into_credit();
    /// let block = upload.try_lease(4_096)?;
    /// assert_eq!(credit.left(), (128 << 10) - 4_096);
    /// assert_eq!(upload.leased(), 128 << 10); // charged once
    /// # drop(block);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_credit(self) -> Credit {
        let laid = self.into_reserved().take_charge();
        if let Some(laid) = &laid {
            laid.account().owner.lay_credit(laid.account(), laid.bytes());
        }
        Credit { laid }
    }
}

impl Account {
    /// Reserves `len` bytes as a credit of this account. It does what
    /// [`try_reserve`](Self::try_reserve) and [`into_credit`](Reservation::into_credit) do, under
    /// one lock.
    ///
    /// # Errors
    /// As [`try_reserve`](Self::try_reserve).
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let request = pool.account("request", 1 << 20);
    /// let credit = request.try_credit(64 << 10)?;
    /// let block = request.try_lease(4 << 10)?;
    /// assert_eq!((credit.left(), request.leased()), (60 << 10, 64 << 10));
    /// # drop(block);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_credit(&self, len: usize) -> Result<Credit, LeaseError> {
        self.clone().into_credit(len)
    }

    /// As `try_credit`, for an account that is used for nothing else.
    pub(crate) fn into_credit(self, len: usize) -> Result<Credit, LeaseError> {
        let laid = (len <= self.reservation_len_max())
            .then(|| self.core().credit_fast(self.handle(), len))
            .flatten();
        if laid.is_none() {
            return self.try_reserve(len).map(Reservation::into_credit);
        }
        // Made before any task is woken, because a waker may panic.
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
