//! `Reservation`: a charge without a block.

use std::fmt;

use super::{Pool, account::StandingCharge, error::LeaseError};

/// Bytes of the budget that are charged to an account and belong to no block: for memory that lives elsewhere, and counts here.
///
/// A codec that brings its own buffer, or a request that is admitted before anything of it is read, takes room from the pool with
/// [`Pool::try_reserve`] or [`Pool::reserve`]: leased blocks and reserved bytes together never exceed a limit or the budget. The
/// room is given back, and whoever waits for it is served, when the reservation is dropped or shrunk.
///
/// # Shape
/// `len` is bytes, exactly as many as were asked for. A reservation is two words, may move between threads, and holds a handle to
/// its account: the pool stays open while it lives.
///
/// No memory is mapped for it, and none is given back: free blocks keep their pages until [`trim`](Pool::trim) or
/// [`maintain`](Pool::maintain) gives them up, so that the process holds [`mapped`](super::Stats::mapped) and, elsewhere, what is
/// [`reserved`](super::Stats::reserved).
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let connection = pool.child("connection 7", 64 << 10);
/// let mut reserved = connection.try_reserve(16_000)?;
/// let mut foreign = Vec::with_capacity(16_000);
/// foreign.extend_from_slice(b"memory of somebody else");
/// assert_eq!((connection.leased(), pool.leased()), (16_000, 16_000));
/// foreign.shrink_to_fit();
/// reserved.shrink_to(foreign.capacity());
/// assert!(connection.leased() < 16_000);
/// drop((foreign, reserved));
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a reservation that is not kept is given back at once"]
#[derive(Default)]
pub struct Reservation {
    /// None for an empty one without an account. What stands here is counted by the slab.
    charge: Option<StandingCharge>,
}

impl Reservation {
    /// Nothing reserved, of no pool: it cannot grow.
    pub const fn empty() -> Self {
        Self { charge: None }
    }

    /// What is charged, for whoever refunds it.
    pub(super) fn take_charge(&mut self) -> Option<StandingCharge> {
        self.charge.take()
    }

    /// The slab has taken the room for the charge.
    pub(super) fn standing(charge: StandingCharge) -> Self {
        Self { charge: Some(charge) }
    }

    /// Gives back what is above `len` bytes. Does nothing if there are not so many.
    pub fn shrink_to(&mut self, len: usize) {
        let Some(charge) = &mut self.charge else { return };
        let above = charge.bytes().saturating_sub(len);
        if above > 0 {
            let woken = charge.refund(above);
            charge.account().core.release(above, woken);
        }
    }

    /// Reserves what is missing to `len` bytes, if that can be had at once.
    ///
    /// # Errors
    /// As [`Pool::try_reserve`] for what is missing; the reservation is as it was then. An [`empty`](Self::empty) one has no pool to
    /// grow from ([`LeaseError::is_detached`]); one of no bytes that a pool gave out has.
    pub fn try_grow_to(&mut self, len: usize) -> Result<(), LeaseError> {
        let missing = len.saturating_sub(self.len());
        if missing == 0 {
            return Ok(());
        }
        let charge = self.charge.as_mut().ok_or_else(LeaseError::detached)?;
        let pool = Pool { account: charge.account().clone() };
        let mut more = pool.try_reserve(missing)?;
        if let Some(more) = more.charge.take() {
            charge.join(more);
        }
        Ok(())
    }

    /// Adds another reservation of the same account to this one.
    #[cfg(any(feature = "codec", feature = "http"))]
    pub(crate) fn absorb(&mut self, mut other: Reservation) {
        let Some(more) = other.charge.take() else { return };
        match &mut self.charge {
            Some(charge) => charge.join(more),
            none => *none = Some(more),
        }
    }

    /// Bytes charged.
    pub fn len(&self) -> usize {
        self.charge.as_ref().map_or(0, StandingCharge::bytes)
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.charge.as_ref().map(|charge| charge.account().name());
        f.debug_struct("Reservation").field("len", &self.len()).field("account", &account).finish()
    }
}
