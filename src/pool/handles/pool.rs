//! `Pool`: the owner of all blocks.

use std::{fmt, future::Future, ops::Deref, sync::Arc};

use super::Account;
use crate::pool::engine::{AccountHandle, maintain};

/// The owner of all blocks. It has the budget and the figures, and gives memory back to the system.
///
/// A `Pool` derefs to its root [`Account`], which leases blocks and opens further accounts. The
/// limit of the root account is the budget. Code that only leases takes an [`&Account`](Account),
/// so it also takes a `&Pool`. A `Pool` is a handle of 8 bytes; a clone costs one atomic addition.
/// Blocks may outlive it.
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

    /// Waits until the pressure [is high](super::Pressure::is_high). It is for code that can give
    /// memory back early.
    ///
    /// It returns at once while the pressure is high, so give something back, or pause, before you
    /// wait again. Leases from magazines are not watched, so the pressure may be noticed late, by
    /// as much as one shard holds.
    ///
    /// # Cancel safety
    /// Cancel safe. Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = leasehold::Pool::new(1 << 20)?;
    /// let block = pool.try_lease(1 << 20)?; // a cache, say
    /// pool.wait_for_pressure().await;
    /// drop(block); // give it back
    /// assert!(!pool.pressure().is_high());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_pressure(&self) {
        self.core().pressure_high().await;
    }

    /// Gives all memory that no lease uses back to the system, and returns the number of bytes that
    /// went. Leased blocks are not touched. The system calls are made on this thread and cost about
    /// 20 us for each MiB.
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

    /// Gives memory back to the system while it runs, so spawn it. Four times a second it gives
    /// back half of the free blocks of each class that the load has not needed since the last time.
    /// It also empties the magazines that no thread has used since then.
    ///
    /// The future ends when the last handle of the pool is gone. It holds no handle itself.
    ///
    /// # Cancel safety
    /// Cancel safe. Dropping it only ends the sweeps.
    ///
    /// # Panics
    /// If it is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), leasehold::BuildError> {
    /// let pool = leasehold::Pool::new(64 << 20)?;
    /// let sweeps = tokio::spawn(pool.maintain());
    /// drop(pool);
    /// assert!(sweeps.await.is_ok()); // they end with the pool
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
