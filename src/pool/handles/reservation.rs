//! `Reservation`: a charge without a block.

use std::fmt;

use super::{Account, LeaseError};
use crate::pool::engine::{AccountNode, Grant, Reserved};

/// Bytes of the budget that are charged to an account and belong to no block. They stand for memory
/// that lives elsewhere.
///
/// Take room from the pool with [`Account::try_reserve`] or [`Account::reserve`], for a codec that
/// brings its own buffer, or for a request before anything of it is read. Leased blocks and
/// reserved bytes together never exceed a limit or the budget. When the reservation is dropped or
/// shrunk, its room is given back and serves the waiters.
///
/// # Shape
/// `len` is in bytes, exactly as many as were asked for. A reservation is two words, may move
/// between threads, and holds a handle to its account, so the pool stays open while it lives.
///
/// No memory is mapped for it, and none is given back. Free blocks keep their pages until
/// [`trim`](crate::Pool::trim) or [`maintain`](crate::Pool::maintain) gives them back. So the
/// process holds [`mapped`](super::Stats::mapped) bytes, and elsewhere the memory that
/// [`reserved`](super::Stats::reserved) counts.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let connection = pool.account("connection 7", 64 << 10);
/// let mut reserved = connection.try_reserve(16_000)?;
/// let mut foreign = Vec::with_capacity(16_000);
/// foreign.extend_from_slice(b"memory that lives elsewhere");
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
    reserved: Reserved,
}

impl Reservation {
    /// Makes an empty reservation of no pool. It cannot grow.
    pub const fn empty() -> Self {
        Self { reserved: Reserved::empty() }
    }

    /// The bytes that were granted to a request.
    pub(super) fn of(grant: Grant) -> Self {
        Self { reserved: grant.into_reserved() }
    }

    /// Returns the charge and the room, for code that turns them into something else.
    pub(super) fn into_reserved(self) -> Reserved {
        self.reserved
    }

    /// Gives back the bytes above `len`. It does nothing if the reservation is no larger.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut reserved = pool.try_reserve(16_000)?;
    /// reserved.shrink_to(1_000);
    /// assert_eq!((reserved.len(), pool.leased()), (1_000, 1_000));
    /// reserved.try_grow_to(2_000)?;
    /// assert_eq!(pool.leased(), 2_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shrink_to(&mut self, len: usize) {
        self.reserved.shrink_to(len);
    }

    /// Reserves the bytes that are missing up to `len`, without waiting.
    ///
    /// # Errors
    /// As [`Account::try_reserve`] for the bytes that are missing. After an error the reservation
    /// is as it was. An [`empty`](Self::empty) reservation has no pool to grow from
    /// ([`LeaseError::is_detached`]). A reservation of 0 bytes that a pool gave out has one.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, Reservation};
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut reserved = pool.try_reserve(0)?;
    /// reserved.try_grow_to(5_000)?;
    /// assert_eq!(pool.leased(), 5_000);
    /// let refused = Reservation::empty().try_grow_to(5_000);
    /// assert!(refused.is_err_and(|error| error.is_detached()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_grow_to(&mut self, len: usize) -> Result<(), LeaseError> {
        let missing = len.saturating_sub(self.len());
        if missing == 0 {
            return Ok(());
        }
        let account = self.reserved.account().ok_or_else(LeaseError::detached)?;
        let more = Account::of(account.clone()).try_reserve(missing)?;
        self.absorb(more);
        Ok(())
    }

    /// Adds another reservation of the same account to this one.
    pub(crate) fn absorb(&mut self, other: Reservation) {
        self.reserved.join(other.reserved);
    }

    /// The number of bytes that are charged.
    pub fn len(&self) -> usize {
        self.reserved.bytes()
    }

    /// Whether no bytes are charged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.reserved.account().map(|account| AccountNode::name(account));
        f.debug_struct("Reservation").field("len", &self.len()).field("account", &account).finish()
    }
}
