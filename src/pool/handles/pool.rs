//! `Pool`: the owner of all blocks.

use std::{fmt, future::Future, ops::Deref, sync::Arc};

use super::Account;
use crate::pool::engine::{AccountHandle, maintain};

/// The owner of all blocks: a budget, its figures, and the way of memory back to the system.
///
/// A `Pool` derefs to its root [`Account`], which leases and opens further accounts; the limit of
/// the root account is the budget. Code that only leases takes an [`&Account`](Account), so a
/// `&Pool` fits there too. A `Pool` is a handle of 8 bytes; a clone costs one atomic addition.
/// Blocks outlive it.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(16 << 20)?;
/// let mut block = pool.try_lease(3000)?;
/// block.put_slice(b"up to 4096 bytes fit");
/// assert_eq!(pool.leased(), 4096);
/// drop(block);
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pool {
    root: Account,
}

impl Pool {
    pub(super) fn of(root: AccountHandle) -> Self {
        Self { root: Account::of(root) }
    }

    /// The hard cap on the memory of all blocks of the pool, in bytes.
    pub fn budget(&self) -> usize {
        self.root.budget_of_pool()
    }

    /// Waits until the pressure [is high](super::Pressure::is_high): for code that can give memory
    /// back early.
    ///
    /// Returns at once while it is: give something back, or pause, before waiting again. What is
    /// leased out of magazines is not watched, so it may be noticed late by what one shard holds.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost.
    pub async fn wait_for_pressure(&self) {
        self.core().pressure_high().await;
    }

    /// Gives all memory that no lease uses back to the system at once; returns how many bytes went.
    /// Leased blocks are not touched. Makes its system calls on this thread: about 20 us a MiB.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// drop(pool.try_lease(1 << 20)?);
    /// pool.trim();
    /// assert_eq!(pool.stats().mapped, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trim(&self) -> usize {
        self.core().trim()
    }

    /// Gives memory back on its own while it runs: spawn it. Four times a second, half of the free
    /// blocks of each class that the load has not needed since the last time go back to the system,
    /// and so do magazines that nobody used.
    ///
    /// Ends when the last handle of the pool is gone; it is not one itself.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it only ends the sweeps.
    ///
    /// # Panics
    /// When polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), leasehold::BuildError> {
    /// let pool = leasehold::Pool::new(64 << 20)?;
    /// tokio::spawn(pool.maintain());
    /// # Ok(())
    /// # }
    /// ```
    pub fn maintain(&self) -> impl Future<Output = ()> + Send + use<> {
        maintain(Arc::downgrade(&self.root.handle().owner))
    }
}

impl Deref for Pool {
    type Target = Account;

    #[inline]
    fn deref(&self) -> &Account {
        &self.root
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("leased", &self.leased())
            .field("budget", &self.budget())
            .finish_non_exhaustive()
    }
}
