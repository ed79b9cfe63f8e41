//! `Reservation`: a charge without a block.

use std::fmt;

use super::{Account, LeaseError};
use crate::pool::engine::{AccountNode, Grant, Reserved};

/// Bytes of the budget that are charged to an account and belong to no block: for memory that lives
/// elsewhere, and counts here.
///
/// A codec that brings its own buffer, or a request that is admitted before anything of it is read,
/// takes room from the pool with [`Account::try_reserve`] or [`Account::reserve`]: leased blocks
/// and reserved bytes together never exceed a limit or the budget. The room is given back, and
/// whoever waits for it is served, when the reservation is dropped or shrunk.
///
/// # Shape
/// `len` is bytes, exactly as many as were asked for. A reservation is two words, may move between
/// threads, and holds a handle to its account: the pool stays open while it lives.
///
/// No memory is mapped for it, and none is given back: free blocks keep their pages until
/// [`trim`](crate::Pool::trim) or [`maintain`](crate::Pool::maintain) gives them up, so that the process holds
/// [`mapped`](super::Stats::mapped) and, elsewhere, what is [`reserved`](super::Stats::reserved).
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let connection = pool.account("connection 7", 64 << 10);
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
    reserved: Reserved,
}

impl Reservation {
    /// Nothing reserved, of no pool: it cannot grow.
    pub const fn empty() -> Self {
        Self { reserved: Reserved::empty() }
    }

    /// What a request for bytes was granted.
    pub(super) fn of(grant: Grant) -> Self {
        Self { reserved: grant.into_reserved() }
    }

    /// What is charged and reserved, for what else is made of it.
    pub(super) fn into_reserved(self) -> Reserved {
        self.reserved
    }

    /// Gives back what is above `len` bytes. Does nothing if there are not so many.
    pub fn shrink_to(&mut self, len: usize) {
        self.reserved.shrink_to(len);
    }

    /// Reserves what is missing to `len` bytes, if that can be had at once.
    ///
    /// # Errors
    /// As [`Account::try_reserve`] for what is missing; the reservation is as it was then. An
    /// [`empty`](Self::empty) one has no pool to grow from ([`LeaseError::is_detached`]); one of no
    /// bytes that a pool gave out has.
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

    /// Bytes charged.
    pub fn len(&self) -> usize {
        self.reserved.bytes()
    }

    /// Whether none are.
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
