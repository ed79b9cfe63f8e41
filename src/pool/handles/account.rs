//! `Account`: leases blocks, and is charged for them.

use std::{borrow::Cow, fmt, time::Duration};

use crate::pool::engine::{AccountHandle, CHAIN_BLOCKS_MAX, Core};

/// Leases blocks and is charged their capacity, within a limit inside a pool's budget.
///
/// Each [`Pool`](crate::Pool) derefs to its root account, whose limit is the budget.
/// [`account`](Self::account) opens accounts inside an account, to any depth: one for a listener, a
/// tenant, a connection. All of them lease the same blocks. An `Account` is a handle of 8 bytes; a
/// clone costs one atomic addition. Blocks may outlive it.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(16 << 20)?;
/// let connection = pool.account("connection 7", 1 << 20);
/// let mut block = connection.try_lease(3000)?;
/// block.put_slice(b"up to 4096 bytes fit");
/// assert_eq!(connection.leased(), 4096);
/// assert_eq!(pool.leased(), 4096);
/// drop(block);
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Account {
    handle: AccountHandle,
}

impl Account {
    pub(super) fn of(handle: AccountHandle) -> Self {
        Self { handle }
    }

    /// Opens an account inside this one. It has its own limit, in bytes, and the limits of all
    /// accounts above it hold too.
    ///
    /// The account lives while a handle to it lives, or while a block or a reservation is charged
    /// to it. Its name appears in [`Stats::accounts`](super::Stats::accounts) and in errors. More
    /// than 8 million handles to one account abort the process.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let tenant = pool.account("tenant", 1 << 20);
    /// let request = tenant.account("request", 8 << 10);
    /// assert!(request.try_lease(64 << 10).is_err(), "a request may hold 8 KiB");
    /// let _block = request.try_lease(4 << 10)?;
    /// assert_eq!((request.leased(), tenant.leased()), (4 << 10, 4 << 10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the account is gone with its last handle"]
    pub fn account(&self, name: impl Into<Cow<'static, str>>, limit: usize) -> Account {
        Self { handle: self.handle.child(limit, name.into()) }
    }

    /// The number of bytes charged to this account and to the accounts in it, for blocks and for
    /// [reservations](super::Reservation). For the pool's own account this is all that is leased
    /// and reserved.
    ///
    /// For the pool's own account this visits every shard. The figure is exact while no thread
    /// leases or returns.
    pub fn leased(&self) -> usize {
        if self.handle.is_root() { self.core().leased() } else { self.handle.charge_now() }
    }

    /// The most that [`leased`](Self::leased) ever was. It is exact for accounts, and sampled for
    /// the pool's own.
    pub fn peak(&self) -> usize {
        if self.handle.is_root() { self.core().peak() } else { self.handle.peak() }
    }

    /// The limit: how many bytes may be charged to this account.
    pub fn limit(&self) -> usize {
        self.handle.limit()
    }

    /// Changes the limit, in bytes. Blocks and reservations above a lower limit stay. No more is
    /// granted until enough of them have come home.
    ///
    /// The limit of the pool's own account cannot exceed the budget.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let tenant = pool.account("tenant", 64 << 10);
    /// let block = tenant.try_lease(64 << 10)?;
    /// tenant.set_limit(16 << 10);
    /// assert_eq!(tenant.leased(), 64 << 10); // the block stays
    /// drop(block);
    /// assert!(tenant.try_lease(64 << 10).is_err_and(|error| error.is_too_large()));
    /// assert!(tenant.try_lease(4 << 10).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_limit(&self, limit: usize) {
        if self.handle.is_root() {
            self.handle.set_limit(limit.min(self.budget_of_pool()));
            self.core().set_limit(limit);
        } else {
            self.handle.set_limit(limit);
            self.core().serve_now(vec![self.handle.key()]);
        }
    }

    /// The name of this account.
    pub fn name(&self) -> &str {
        self.handle.name()
    }

    /// The capacity of the block that a lease of `len` bytes gets, in bytes. If no class is that
    /// large, it is the capacity of the largest class.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// assert_eq!(pool.block_len_for(3_000), 4_096);
    /// assert_eq!(pool.block_len_for(usize::MAX), 1 << 20);
    /// # Ok::<(), leasehold::BuildError>(())
    /// ```
    pub fn block_len_for(&self, len: usize) -> usize {
        let classes = &self.core().classes;
        classes.len_of(classes.holding(len).unwrap_or(classes.largest()))
    }

    // ---- for the modules above ------------------------------------------------------------------

    pub(crate) fn budget_of_pool(&self) -> usize {
        self.core().settings.budget
    }

    pub(crate) fn max_wait(&self) -> Duration {
        self.core().settings.max_wait
    }

    /// The smallest limit of this account and all accounts above it.
    pub(crate) fn limit_of_all(&self) -> usize {
        self.handle.limit_of_all()
    }

    /// The longest chain that may be asked for: a quarter of the budget, in at most 63 blocks.
    pub(crate) fn chain_len_max(&self) -> usize {
        (self.budget_of_pool() / 4).min(CHAIN_BLOCKS_MAX * self.block_len_for(usize::MAX))
    }

    /// The largest reservation that this account can ever be granted.
    pub(crate) fn reservation_max(&self) -> usize {
        self.reservation_len_max().min(self.limit_of_all())
    }

    /// The largest reservation that any account may ask for: a quarter of the budget (NO-FREEZE).
    pub(crate) fn reservation_len_max(&self) -> usize {
        self.budget_of_pool() / 4
    }

    pub(super) fn into_handle(self) -> AccountHandle {
        self.handle
    }

    #[inline]
    pub(super) fn handle(&self) -> &AccountHandle {
        &self.handle
    }

    #[inline]
    pub(super) fn core(&self) -> &Core {
        &self.handle.owner
    }
}

impl Clone for Account {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name())
            .field("leased", &self.leased())
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}
