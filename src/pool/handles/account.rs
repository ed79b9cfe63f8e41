//! `Account`: what leases, and what is charged.

use std::{borrow::Cow, fmt, time::Duration};

use crate::pool::engine::{AccountHandle, CHAIN_BLOCKS_MAX, Core};

/// What leases blocks and is charged their capacity: a limit inside a pool's budget.
///
/// Each [`Pool`](crate::Pool) derefs to its root account, whose limit is the budget.
/// [`account`](Self::account) opens accounts inside it, to any depth, on the same blocks: one for a
/// listener, a tenant, a connection. An `Account` is a handle of 8 bytes; a clone costs one atomic
/// addition. Blocks outlive it.
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

    /// Opens an account inside this one, with a limit in bytes of its own. The limits of all
    /// accounts above hold too.
    ///
    /// The account lives while a handle to it lives or a block or reservation is charged to it. Its
    /// name appears in [`Stats::accounts`](super::Stats::accounts) and in errors. More than 8
    /// million handles to one account abort the process.
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

    /// Bytes charged to this account and the accounts in it, for blocks and
    /// [reservations](super::Reservation); for the pool's own account all that is leased and
    /// reserved.
    ///
    /// For the pool's own account this visits every shard; exact while nobody leases or returns.
    pub fn leased(&self) -> usize {
        if self.handle.is_root() { self.core().leased() } else { self.handle.charge_now() }
    }

    /// The most that [`leased`](Self::leased) ever was: exact for accounts, sampled for the pool's
    /// own.
    pub fn peak(&self) -> usize {
        if self.handle.is_root() { self.core().peak() } else { self.handle.peak() }
    }

    /// The most that may be charged to this account, in bytes.
    pub fn limit(&self) -> usize {
        self.handle.limit()
    }

    /// Changes the limit. What is leased or reserved above a lower limit stays so; nothing more is
    /// until it has come home.
    ///
    /// The limit of the pool's own account cannot exceed the budget.
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

    /// The capacity that a block of `len` bytes has, or the largest one if none is that large, in
    /// bytes.
    pub fn block_len_for(&self, len: usize) -> usize {
        let classes = &self.core().classes;
        classes.len_of(classes.holding(len).unwrap_or(classes.largest()))
    }

    // ---- for the rooms above --------------------------------------------------------------------

    pub(crate) fn budget_of_pool(&self) -> usize {
        self.core().settings.budget
    }

    pub(crate) fn max_wait(&self) -> Duration {
        self.core().settings.max_wait
    }

    /// The smallest limit from this account to the pool's own.
    pub(crate) fn limit_of_all(&self) -> usize {
        self.handle.limit_of_all()
    }

    /// The most that one chain may ask for: a quarter of the budget, in at most 63 blocks.
    pub(crate) fn chain_len_max(&self) -> usize {
        (self.budget_of_pool() / 4).min(CHAIN_BLOCKS_MAX * self.block_len_for(usize::MAX))
    }

    /// The most that this account can ever reserve at once.
    pub(crate) fn reservation_max(&self) -> usize {
        self.reservation_len_max().min(self.limit_of_all())
    }

    /// The most that may be reserved at once: a quarter of the budget (NO-FREEZE).
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
