//! `Pool`: a handle to an account.

use std::{borrow::Cow, fmt, future::Future, sync::Arc, time::Duration};

use crate::pool::engine::{AccountHandle, CHAIN_BLOCKS_MAX, Core, maintain};

/// A handle to an account of a pool: leases blocks, and is charged their capacity.
///
/// [`Pool::new`] and [`Pool::builder`] make a pool and return the handle to its own account, whose
/// limit is the budget. [`child`](Self::child) opens accounts inside it, to any depth, on the same
/// blocks: one a listener, a tenant, a connection. A handle is 8 bytes and costs one atomic
/// addition to clone; blocks outlive it.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(16 << 20)?;
/// let connection = pool.child("connection 7", 1 << 20);
/// let mut block = connection.try_lease(3000)?;
/// block.put_slice(b"up to 4096 bytes fit");
/// assert_eq!(connection.leased(), 4096);
/// drop(block);
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    account: AccountHandle,
}

impl Pool {
    pub(super) fn of(account: AccountHandle) -> Self {
        Self { account }
    }

    /// Opens an account inside this one, with a limit in bytes of its own. The limits of all
    /// accounts above hold too.
    ///
    /// The account lives while a handle to it lives or a block or reservation is charged to it. Its
    /// name appears in [`Stats::accounts`](super::Stats::accounts) and in errors. More than 8
    /// million handles to one account abort the process.
    #[must_use = "the account is gone with its last handle"]
    pub fn child(&self, name: impl Into<Cow<'static, str>>, limit: usize) -> Self {
        Self { account: self.account.child(limit, name.into()) }
    }

    // ---- limits and figures --------------------------------------------------------------------------------------------

    /// Bytes charged to this account and the accounts in it, for blocks and
    /// [reservations](super::Reservation); for the pool's own account all that is leased and
    /// reserved.
    ///
    /// For the pool's own account this visits every shard; exact while nobody leases or returns.
    pub fn leased(&self) -> usize {
        if self.account.is_root() { self.core().leased() } else { self.account.charge_now() }
    }

    /// The most that [`leased`](Self::leased) ever was: exact for accounts, sampled for the pool's
    /// own.
    pub fn peak(&self) -> usize {
        if self.account.is_root() { self.core().peak() } else { self.account.peak() }
    }

    /// The most that may be charged to this account, in bytes.
    pub fn limit(&self) -> usize {
        self.account.limit()
    }

    /// Changes the limit. What is leased or reserved above a lower limit stays so; nothing more is
    /// until it has come home.
    ///
    /// The limit of the pool's own account cannot exceed the budget.
    pub fn set_limit(&self, limit: usize) {
        if self.account.is_root() {
            self.account.set_limit(limit.min(self.budget()));
            self.core().set_limit(limit);
        } else {
            self.account.set_limit(limit);
            self.core().serve_now(vec![self.account.key()]);
        }
    }

    /// The hard cap on the memory of all blocks of the pool, in bytes.
    pub fn budget(&self) -> usize {
        self.core().settings.budget
    }

    /// The name of this account.
    pub fn name(&self) -> &str {
        self.account.name()
    }

    /// The capacity that a block of `len` bytes has, or the largest one if none is that large, in
    /// bytes.
    pub fn block_len_for(&self, len: usize) -> usize {
        let classes = &self.core().classes;
        classes.len_of(classes.holding(len).unwrap_or(classes.largest()))
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

    // ---- giving back ---------------------------------------------------------------------------------------------------

    /// Gives all memory that no lease uses back to the system at once; returns how many bytes went.
    /// Leased blocks are not touched. Makes its system calls on this thread: about 20 us a MiB.
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
    pub fn maintain(&self) -> impl Future<Output = ()> + Send + use<> {
        maintain(Arc::downgrade(&self.account.owner))
    }

    // ---- for the rooms above -------------------------------------------------------------------------------------------

    pub(crate) fn wait_max(&self) -> Duration {
        self.core().settings.wait_max
    }

    /// The smallest limit from this account to the pool's own.
    pub(crate) fn limit_of_all(&self) -> usize {
        self.account.limit_of_all()
    }

    /// The most that one chain may ask for: a quarter of the budget, in at most 63 blocks.
    pub(crate) fn chain_len_max(&self) -> usize {
        (self.budget() / 4).min(CHAIN_BLOCKS_MAX * self.block_len_for(usize::MAX))
    }

    /// The most that this account can ever reserve at once.
    pub(crate) fn reservation_max(&self) -> usize {
        self.reservation_len_max().min(self.limit_of_all())
    }

    /// The most that may be reserved at once: a quarter of the budget (NO-FREEZE).
    pub(super) fn reservation_len_max(&self) -> usize {
        self.budget() / 4
    }

    pub(super) fn into_account(self) -> AccountHandle {
        self.account
    }

    #[inline]
    pub(super) fn account(&self) -> &AccountHandle {
        &self.account
    }

    #[inline]
    pub(super) fn core(&self) -> &Core {
        &self.account.owner
    }
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Self { account: self.account.clone() }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("leased", &self.leased())
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}
