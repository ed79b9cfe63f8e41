//! What a pool knows of itself, read when asked.

use std::sync::atomic::Ordering::Relaxed;

use super::Pool;
use crate::pool::{engine::Core, ledger::AccountCount, store::high_mark};

/// A pool's figures at one moment; exact while nobody leases or returns.
///
/// All fields that are not counts are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The hard cap.
    pub budget: usize,
    /// Capacity of all leased blocks, and what is reserved.
    pub leased: usize,
    /// Bytes reserved without a block; part of `leased`, and never of `mapped`: the memory is
    /// somebody else's.
    pub reserved: usize,
    /// Capacity of free blocks in magazines, ready for the next lease.
    pub cached: usize,
    /// Block memory that the system has given us and not got back: never above `budget`. Reserved
    /// bytes are none of it, so `leased` may be more.
    pub mapped: usize,
    /// Side tables, outside the budget.
    pub metadata: usize,
    /// The most that was seen leased at once: sampled by each sweep of
    /// [`maintain`](crate::Pool::maintain), when the shared store has given out more than ever, and
    /// when asked. A short peak can be missed; accounts know theirs exactly.
    pub peak: usize,
    /// Requests that wait for memory now, of the pool or of an account.
    pub waiting: usize,
    /// Requests that ever had to wait.
    pub waits: u64,
    /// Requests whose caller was told that it is refused: over a limit, exhausted, or at the
    /// deadline of its wait.
    ///
    /// A reader or body of this crate that finds its own few blocks in use, or the pool short, and
    /// waits is none of these: [`waits`](Self::waits) counts it.
    pub refused: u64,
    /// Times that magazines were emptied for somebody who found none.
    pub cache_flushes: u64,
    /// Bytes given back to the system by trimming.
    pub trimmed: u64,
    /// The figures of each class, smallest first.
    pub classes: Vec<ClassStats>,
    /// The accounts with the largest charge, largest first, at most [`Stats::LARGEST_ACCOUNTS`].
    pub accounts: Vec<AccountStats>,
}

impl Stats {
    /// How many accounts `accounts` lists at most.
    pub const LARGEST_ACCOUNTS: usize = 8;
}

/// The figures of one size class, in blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// The length of its blocks, in bytes.
    pub block_len: usize,
    /// Blocks leased.
    pub leased: usize,
    /// Blocks in magazines.
    pub cached: usize,
    /// Free blocks with memory behind them, outside magazines.
    pub free: usize,
    /// Blocks that ever left the shared store, for a lease or a magazine.
    pub taken: u64,
}

/// The figures of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountStats {
    /// The name given to [`Account::account`](crate::Account::account).
    pub name: String,
    /// Capacity and reserved bytes charged to it and to the accounts in it.
    pub leased: usize,
    /// The most that may be.
    pub limit: usize,
    /// The most that ever was.
    pub peak: usize,
}

/// How close a pool is to its budget.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// Capacity of all leased blocks and what is reserved, in bytes.
    pub leased: usize,
    /// The hard cap, in bytes, without what [`serve`](crate::http::serve()) keeps for heads that
    /// wait.
    pub budget: usize,
    /// Requests that wait for the pool; those at the limit of an account are not counted.
    pub waiting: usize,
}

impl Pressure {
    /// The share of the budget that is leased or reserved, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.leased as f64 / self.budget as f64
    }

    /// Somebody waits, or seven eighths of the budget are leased or reserved: a good time to give
    /// memory back.
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
