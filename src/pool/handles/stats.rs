//! The figures of a pool, read on request.

use std::sync::atomic::Ordering::Relaxed;

use super::Pool;
use crate::pool::{engine::Core, ledger::AccountCount, store::high_mark};

/// A pool's figures at one moment. They are exact while no thread leases or returns.
///
/// All fields that are not counts are in bytes.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let user = pool.account("user 7", 1 << 20);
/// let block = user.try_lease(4_096)?;
/// let reserved = user.try_reserve(1_000)?;
/// let stats = pool.stats();
/// assert_eq!((stats.leased, stats.reserved), (5_096, 1_000));
/// assert_eq!((stats.accounts[0].name.as_str(), stats.accounts[0].leased), ("user 7", 5_096));
/// assert!(stats.mapped <= stats.budget);
/// # drop((block, reserved));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The hard cap.
    pub budget: usize,
    /// The capacity of all leased blocks, and the bytes that are reserved.
    pub leased: usize,
    /// Bytes reserved without a block. They are part of `leased`, and never of `mapped`, because
    /// the memory lives elsewhere.
    pub reserved: usize,
    /// The capacity of free blocks in magazines, ready for the next lease.
    pub cached: usize,
    /// Block memory that we have from the system, never above `budget`. Reserved bytes are not part
    /// of it, so `leased` may be larger.
    pub mapped: usize,
    /// Side tables, outside the budget.
    pub metadata: usize,
    /// The most that was seen leased at once. It is sampled by each sweep of
    /// [`maintain`](crate::Pool::maintain), when the shared store has given out more than ever, and
    /// when it is read. A short peak can be missed. The peaks of accounts are exact.
    pub peak: usize,
    /// Requests that wait for memory now, of the pool or of an account.
    pub waiting: usize,
    /// Requests that ever had to wait.
    pub waits: u64,
    /// Requests that were refused with an error: over a limit, exhausted, or at the deadline of a
    /// wait.
    ///
    /// A reader or body of this crate that waits, because its own few blocks are in use or the pool
    /// is short, is not counted here. [`waits`](Self::waits) counts it.
    pub refused: u64,
    /// Times that all magazines were emptied for a lease that found no block.
    pub cache_flushes: u64,
    /// Bytes given back to the system by trimming.
    pub trimmed: u64,
    /// The figures of each class, smallest first.
    pub classes: Vec<ClassStats>,
    /// The accounts with the largest charge, largest first, at most [`Stats::LARGEST_ACCOUNTS`].
    pub accounts: Vec<AccountStats>,
}

impl Stats {
    /// The most accounts that [`accounts`](Self::accounts) lists.
    pub const LARGEST_ACCOUNTS: usize = 8;
}

/// The figures of one size class, in blocks.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let block = pool.try_lease(4_096)?;
/// let classes = pool.stats().classes;
/// let pages = classes.iter().find(|class| class.block_len == 4_096);
/// assert_eq!(pages.map(|class| class.leased), Some(1));
/// # drop(block);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// The length of its blocks, in bytes.
    pub block_len: usize,
    /// Blocks that are leased.
    pub leased: usize,
    /// Free blocks in magazines.
    pub cached: usize,
    /// Free blocks with memory behind them, outside magazines.
    pub free: usize,
    /// How many times a block left the shared store, for a lease or a magazine.
    pub taken: u64,
}

/// The figures of one account.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let user = pool.account("user 7", 1 << 20);
/// let block = user.try_lease(4_096)?;
/// let largest = &pool.stats().accounts[0];
/// assert_eq!((largest.name.as_str(), largest.leased, largest.limit), ("user 7", 4_096, 1 << 20));
/// # drop(block);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountStats {
    /// The name given to [`Account::account`](crate::Account::account).
    pub name: String,
    /// The capacity and the reserved bytes charged to it and to the accounts in it.
    pub leased: usize,
    /// The most that may be charged to it.
    pub limit: usize,
    /// The most that ever was charged to it.
    pub peak: usize,
}

/// How close a pool is to its budget.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let block = pool.try_lease(1 << 20)?;
/// let pressure = pool.pressure();
/// assert_eq!(pressure.share(), 0.25);
/// assert!(!pressure.is_high());
/// # drop(block);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// The capacity of all leased blocks and the bytes that are reserved.
    pub leased: usize,
    /// The hard cap, in bytes, without the part that [`serve`](crate::http::serve()) keeps for
    /// heads that wait.
    pub budget: usize,
    /// Requests that wait for the pool. Requests that wait at the limit of an account are not
    /// counted.
    pub waiting: usize,
}

impl Pressure {
    /// The share of the budget that is leased or reserved, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.leased as f64 / self.budget as f64
    }

    /// Whether a request waits, or seven eighths of the budget are leased or reserved. It is a good
    /// time to give memory back.
    pub fn is_high(&self) -> bool {
        self.waiting > 0 || self.leased >= high_mark(self.budget)
    }
}

impl Pool {
    /// How close the whole pool is to its budget.
    pub fn pressure(&self) -> Pressure {
        pressure_of(self.core())
    }

    /// The figures of the whole pool.
    pub fn stats(&self) -> Stats {
        read(self.core())
    }
}

pub(super) fn pressure_of(core: &Core) -> Pressure {
    Pressure {
        leased: core.leased(),
        budget: core.usable(),
        waiting: core.queue.lock().waiting_for_pool(),
    }
}

/// Reads the figures of a pool.
pub(super) fn read(core: &Core) -> Stats {
    let (waiting, accounts) =
        (core.queue.lock().waiting(), core.accounts.largest(Stats::LARGEST_ACCOUNTS));
    let (slab, classes) = core.counts();
    let classes: Vec<ClassStats> = classes
        .into_iter()
        .map(|(class, count, cached)| ClassStats {
            block_len: core.classes.len_of(class),
            leased: count.out_blocks.saturating_sub(cached),
            cached,
            free: count.warm,
            taken: count.taken,
        })
        .collect();
    let cached = classes.iter().map(|class| class.cached * class.block_len).sum();
    let leased = slab.out_bytes.saturating_sub(cached) + slab.reserved;
    let counters = &core.counters;
    Stats {
        budget: core.settings.budget,
        leased,
        reserved: slab.reserved,
        cached,
        mapped: slab.mapped,
        metadata: slab.metadata,
        peak: counters.raise_peak(leased),
        waiting,
        waits: counters.waits.load(Relaxed),
        refused: counters.refused.load(Relaxed),
        cache_flushes: counters.cache_flushes.load(Relaxed),
        trimmed: counters.trimmed.load(Relaxed),
        classes,
        accounts: accounts.into_iter().map(AccountStats::from).collect(),
    }
}

impl From<AccountCount> for AccountStats {
    fn from(AccountCount { name, charge, limit, peak }: AccountCount) -> Self {
        Self { name, leased: charge, limit, peak }
    }
}
