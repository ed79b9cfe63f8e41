//! What a pool knows of itself: counts, pressure, and the words of a refusal.
//!
//! # Invariants
//! - TOLD: a refusal is counted, and said by `tracing`, exactly when code outside of this crate is
//!   told of it. A try that is followed by a wait, or that the crate can do without, is none.

use std::sync::atomic::Ordering::Relaxed;

use super::{Blocked, CHAIN_BLOCKS_MAX, Core};
use crate::{
    pool::{
        account::Account,
        error::LeaseError,
        queue::Request,
        slab::SlabCount,
        stats::{ClassStats, Pressure, Stats, high_mark},
        trace,
    },
    sync::{AtomicU64, AtomicUsize},
};

/// Counted off the hot path only (QUIET).
#[derive(Default)]
pub(in crate::pool) struct Counters {
    pub(in crate::pool) waits: AtomicU64,
    pub(in crate::pool) refused: AtomicU64,
    pub(super) steals: AtomicU64,
    pub(super) trimmed: AtomicU64,
    peak: AtomicUsize,
    /// Not zero while the slab has given out more than ever since the peak was sampled.
    pub(super) news: AtomicUsize,
    /// When refusals were last warned of.
    pub(in crate::pool) warned: trace::Warned,
    /// How many wait for pressure: then every lease that its own magazine could not serve samples it.
    watchers: AtomicUsize,
}

impl Core {
    /// The capacity that a request takes if the best blocks are free.
    pub(in crate::pool) fn bytes_of(&self, request: Request) -> usize {
        match request {
            Request::Block(class) => self.classes.len_of(class),
            Request::Reservation(len) => len,
            Request::Chain(len) => {
                let (mut bytes, mut wanted, mut blocks) = (0, len, CHAIN_BLOCKS_MAX);
                while wanted > 0 {
                    let block_len = self.classes.len_of(self.classes.for_chain(wanted, blocks));
                    bytes += block_len;
                    wanted = wanted.saturating_sub(block_len);
                    blocks = blocks.saturating_sub(1);
                }
                bytes
            }
        }
    }

    /// Bounds what may be out at once; for the pool's own account.
    pub(in crate::pool) fn set_limit(&self, limit: usize) {
        self.slab.lock().limit = limit.min(self.settings.budget);
        // This empties the magazines: what is cached counts as out, and a lower limit must not be used up by free blocks.
        let done = self.queue.lock().watch_limit(self);
        done.finish(self);
    }

    /// Keeps so many bytes from all that lease and reserve.
    #[cfg(feature = "http")]
    pub(in crate::pool) fn set_aside(&self, len: usize) {
        self.slab.lock().aside += len;
    }

    /// Gives them back; whoever waits is served.
    #[cfg(feature = "http")]
    pub(in crate::pool) fn take_back(&self, len: usize) {
        self.slab.lock().aside -= len;
        self.serve_now(Vec::new());
    }

    /// Whether more is out and reserved than the limit, which was lowered since.
    pub(in crate::pool) fn is_over_limit(&self) -> bool {
        self.slab.lock().is_over_limit()
    }

    /// Counts a refusal and says so; no lock may be held.
    pub(in crate::pool) fn refused(&self, account: &Account, error: LeaseError) -> LeaseError {
        self.counters.refused.fetch_add(1, Relaxed);
        trace::refused(&self.counters.warned, &self.accounts, account.name(), &error);
        error
    }

    /// The error of a request that was blocked; it counts once somebody is told (TOLD).
    pub(in crate::pool) fn refusal(&self, account: &Account, blocked: &Blocked, wanted: usize) -> LeaseError {
        match blocked {
            Blocked::Account(refused) => {
                let name = account.find(refused.at).map_or("", Account::name);
                LeaseError::account_full(name, wanted, refused.left, refused.limit)
            }
            Blocked::Pool => {
                let (limit, left) = {
                    let slab = self.slab.lock();
                    (slab.limit, slab.room())
                };
                if limit < self.settings.budget && left < wanted {
                    LeaseError::account_full(account.line().last().map_or("", Account::name), wanted, left, limit)
                } else {
                    LeaseError::pool_empty(wanted)
                }
            }
        }
    }

    /// Bytes leased in the whole pool: what is out of the slab and not in a magazine, and what is reserved.
    pub(in crate::pool) fn leased(&self) -> usize {
        let SlabCount { out_bytes, reserved, .. } = self.slab.lock().count();
        // Apart, for the two were read one after the other, and a block may have gone to a magazine in between.
        out_bytes.saturating_sub(self.cache.bytes()) + reserved
    }

    pub(in crate::pool) fn peak(&self) -> usize {
        self.sample();
        self.counters.peak.load(Relaxed)
    }

    /// Reads what is leased, and remembers it if it is the most so far.
    pub(super) fn sample(&self) -> usize {
        let leased = self.leased();
        if leased > self.counters.peak.fetch_max(leased, Relaxed) {
            trace::taken(leased);
        }
        leased
    }

    /// The budget without what is set aside.
    fn usable(&self) -> usize {
        self.settings.budget - self.slab.lock().aside
    }

    pub(in crate::pool) fn pressure(&self) -> Pressure {
        Pressure { leased: self.leased(), budget: self.usable(), waiting: self.queue.lock().waiting_for_pool() }
    }

    /// Waits until the pressure is high.
    ///
    /// Leases out of a magazine are not seen (QUIET), so it may be noticed late by what one shard holds.
    pub(in crate::pool) async fn pressure_high(&self) {
        let _watcher = Watcher::new(&self.counters.watchers);
        loop {
            let ring = self.pressure.listen();
            if self.pressure().is_high() {
                return;
            }
            ring.await;
        }
    }

    /// Samples the peak and the pressure, when the slab has given out more than ever (QUIET). Wakes, so no lock may be held.
    pub(in crate::pool) fn note_leased(&self, somebody_waits: bool) {
        let has_news = self.counters.news.load(Relaxed) != 0 && self.counters.news.swap(0, Relaxed) != 0;
        // Blocks out of depots and of others' magazines are no news to the slab.
        if (has_news || self.counters.watchers.load(Relaxed) != 0) && self.sample() >= high_mark(self.usable()) {
            self.pressure.ring();
        }
        if somebody_waits {
            self.pressure.ring();
        }
    }

    pub(in crate::pool) fn stats(&self) -> Stats {
        let cached = self.cache.counts();
        let (waiting, accounts) = (self.queue.lock().waiting(), self.accounts.largest(Stats::LARGEST_ACCOUNTS));
        let slab = self.slab.lock();
        let count = slab.count();
        let classes: Vec<ClassStats> = self
            .classes
            .iter()
            .map(|class| {
                let counts = slab.class_count(class);
                ClassStats {
                    block_len: self.classes.len_of(class),
                    leased: counts.out_blocks.saturating_sub(cached[class.get()]),
                    cached: cached[class.get()],
                    free: counts.warm,
                    taken: counts.taken,
                }
            })
            .collect();
        drop(slab);
        let cached = classes.iter().map(|class| class.cached * class.block_len).sum();
        let leased = count.out_bytes.saturating_sub(cached) + count.reserved;
        Stats {
            budget: self.settings.budget,
            leased,
            reserved: count.reserved,
            cached,
            mapped: count.mapped,
            metadata: count.metadata,
            peak: self.counters.peak.fetch_max(leased, Relaxed).max(leased),
            waiting,
            waits: self.counters.waits.load(Relaxed),
            refused: self.counters.refused.load(Relaxed),
            steals: self.counters.steals.load(Relaxed),
            trimmed: self.counters.trimmed.load(Relaxed),
            classes,
            accounts,
        }
    }
}

/// Counts one who waits for pressure.
struct Watcher<'a>(&'a AtomicUsize);

impl<'a> Watcher<'a> {
    fn new(watchers: &'a AtomicUsize) -> Self {
        watchers.fetch_add(1, Relaxed);
        Self(watchers)
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
