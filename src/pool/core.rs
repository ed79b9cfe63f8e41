//! The heart of a pool: classes, magazines, slab, accounts and queue, and the way of a block between them.
//!
//! Locks are taken in this order: queue, shard, slab. Wakers run and blocks are dropped after all of them.
//!
//! # Invariants
//! - LIVES: the core lives while an account lives, or a block is out (then the slab keeps the core), or somebody has an `Arc`.
//!   Whoever brings blocks home takes such an `Arc` first, unless a magazine takes the block: a shard that is not bypassed
//!   means that the pool is open, and nothing of the core is used after the shard is unlocked.
//! - HOME: a block that is out is in a magazine, in a batch of this file, or leased; each of them ends in `put`.
//! - NO-STRAND: whoever finds no block empties all magazines before giving up.

use std::{
    borrow::Cow,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    account::{AccountHandle, AccountKey, Accounts, Charge, ChargeRefused},
    batch::Batch,
    block_mut::{BlockMut, Fresh},
    cache::{Cache, Popped},
    class::{ClassIndex, Classes},
    error::LeaseError,
    memory::Memory,
    queue::{Queue, Request},
    slab::{Leaving, Place, Slab, Spare},
    span::RawBlock,
    stats::{ClassStats, Pressure, Stats, high_mark},
};
use crate::sync::{AtomicU64, AtomicUsize, Mutex};

/// A chain is leased with at most so many blocks: with the head of a response in front, 64 buffers go into one writev.
pub(super) const CHAIN_BLOCKS_MAX: usize = 63;

pub(super) struct Settings {
    pub(super) budget: usize,
    pub(super) magazine: usize,
    pub(super) shards: usize,
    pub(super) wait_max: Duration,
    pub(super) zero_on_return: bool,
}

pub(super) struct Core {
    this: Weak<Core>,
    pub(super) memory: Memory,
    pub(super) classes: Classes,
    pub(super) settings: Settings,
    cache: Cache,
    slab: Mutex<Slab>,
    pub(super) queue: Mutex<Queue>,
    pub(super) accounts: Accounts,
    /// Held while a charge moves, so that nobody follows an account that a block is just leaving.
    pub(super) moves: Mutex<()>,
    pub(super) counters: Counters,
    pressure: Notify,
}

/// Counted off the hot path only (QUIET).
pub(super) struct Counters {
    pub(super) waits: AtomicU64,
    pub(super) refused: AtomicU64,
    steals: AtomicU64,
    trimmed: AtomicU64,
    peak: AtomicUsize,
    /// Not zero while the slab has given out more than ever since the peak was sampled.
    news: AtomicUsize,
    /// How many wait for pressure: then every lease that its own magazine could not serve samples it.
    watchers: AtomicUsize,
}

/// Why a lease cannot be had now.
pub(super) enum Blocked {
    /// By an account's limit.
    Account(ChargeRefused),
    /// By the pool: nothing free that serves, or others wait for it.
    Pool,
}

/// What a refill found.
enum NoBlock {
    Empty,
    /// Others wait: going on would be barging.
    Waiting,
}

impl Core {
    /// Makes a core and the handle that keeps it open.
    pub(super) fn start(
        classes: Classes,
        memory: Memory,
        settings: Settings,
        name: Cow<'static, str>,
    ) -> AccountHandle {
        let budget = settings.budget;
        let core = Arc::new_cyclic(|this| Core {
            this: Weak::clone(this),
            memory,
            cache: Cache::new(classes.clone(), settings.shards, settings.magazine, budget),
            slab: Mutex::new(Slab::new(classes.clone(), budget)),
            queue: Mutex::new(Queue::new()),
            accounts: Accounts::new(),
            moves: Mutex::new(()),
            counters: Counters {
                waits: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                steals: AtomicU64::new(0),
                trimmed: AtomicU64::new(0),
                peak: AtomicUsize::new(0),
                news: AtomicUsize::new(0),
                watchers: AtomicUsize::new(0),
            },
            pressure: Notify::new(),
            classes,
            settings,
        });
        AccountHandle::root(core, budget, name)
    }

    /// The last account is gone: from here on every block goes to the slab, and the last one home ends the core.
    pub(super) fn close(self: Arc<Self>) {
        self.cache.set_bypass(true, |blocks| {
            let mut slab = self.slab.lock();
            blocks.into_iter().for_each(|raw| slab.put(raw));
        });
        self.slab.lock().close(&self);
    }

    /// Whether somebody can still lease.
    pub(super) fn is_open(&self) -> bool {
        !self.slab.lock().is_closed
    }

    // ---- leasing -------------------------------------------------------------------------------------------------------

    /// Leases one block of `class` if this thread's shard has it and no limit is near: nearly always.
    #[inline]
    pub(super) fn lease_fast(&self, account: &AccountHandle, class: ClassIndex) -> Option<Fresh> {
        let charge = account.charge_fast(self.classes.len_of(class))?;
        match self.cache.pop_mine(class) {
            Some(raw) => Some(Fresh::leased(raw, charge)),
            None => {
                self.refund(charge);
                None
            }
        }
    }

    /// Takes a charge back that no block came for.
    #[cold]
    fn refund(&self, charge: Charge<'_>) {
        self.serve(charge.refund());
    }

    /// Leases one block of `class`, or of the next one up, for somebody who does not wait.
    #[cold]
    pub(super) fn lease_block(&self, account: &AccountHandle, class: ClassIndex) -> Result<BlockMut, Blocked> {
        let mut woken = Vec::new();
        let mut leased = self.lease_exact(account, class, false, &mut woken);
        if let (Err(Blocked::Pool), Some(above)) = (&leased, self.classes.above(class)) {
            leased = self.lease_exact(account, above, false, &mut woken).map_err(|_| Blocked::Pool);
        }
        self.serve(woken);
        self.note_leased(false);
        leased.map(|(raw, charge)| BlockMut::leased(raw, charge))
    }

    /// Leases what a request asks for, all of it or nothing. Accounts at which a refund woke somebody are added to `woken`.
    pub(super) fn lease_request(
        &self,
        account: &AccountHandle,
        request: Request,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Vec<BlockMut>, Blocked> {
        match request {
            Request::Block(class) => {
                let leased = match self.lease_exact(account, class, in_turn, woken) {
                    Err(Blocked::Pool) => match self.classes.above(class) {
                        Some(above) => self.lease_exact(account, above, in_turn, woken).map_err(|_| Blocked::Pool),
                        None => Err(Blocked::Pool),
                    },
                    other => other,
                };
                leased.map(|(raw, charge)| vec![BlockMut::leased(raw, charge)])
            }
            Request::Chain(len) => self.lease_chain(account, len, in_turn, woken),
        }
    }

    fn lease_chain(
        &self,
        account: &AccountHandle,
        len: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Vec<BlockMut>, Blocked> {
        let mut leased: Vec<(RawBlock, Charge<'_>)> = Vec::new();
        let mut wanted = len;
        let mut is_best = true;
        let blocked = loop {
            if wanted == 0 {
                return Ok(leased.into_iter().map(|(raw, charge)| BlockMut::leased(raw, charge)).collect());
            }
            if leased.len() == CHAIN_BLOCKS_MAX {
                break Blocked::Pool;
            }
            match self.lease_any(account, wanted, in_turn, woken) {
                Ok((raw, charge)) => {
                    is_best &= raw.class() == self.classes.for_chain(wanted);
                    wanted = wanted.saturating_sub(raw.capacity());
                    leased.push((raw, charge));
                }
                // The best blocks would have fitted: it is the pool that must be waited for, since it had none of them.
                Err(Blocked::Account(_)) if !is_best => break Blocked::Pool,
                Err(blocked) => break blocked,
            }
        };
        // Quietly: serving the queue for blocks that never left would try the same chain again, for ever.
        let mut slab = self.slab.lock();
        for (raw, charge) in leased {
            woken.extend(charge.refund());
            slab.put(raw);
        }
        Err(blocked)
    }

    /// The best block for `wanted` bytes of a chain; failing that a smaller one, failing that a larger one.
    fn lease_any<'a>(
        &self,
        account: &'a AccountHandle,
        wanted: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>), Blocked> {
        let best = self.classes.for_chain(wanted);
        let smaller = self.classes.iter().rev().filter(|&class| class <= best);
        let larger = self.classes.iter().filter(|&class| class > best);
        let mut first_blocked = None;
        for class in smaller.chain(larger) {
            match self.lease_exact(account, class, in_turn, woken) {
                Ok(leased) => return Ok(leased),
                Err(blocked) => {
                    first_blocked.get_or_insert(blocked);
                }
            }
        }
        Err(first_blocked.unwrap_or(Blocked::Pool))
    }

    /// Charges for and takes one block of exactly this class.
    fn lease_exact<'a>(
        &self,
        account: &'a AccountHandle,
        class: ClassIndex,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>), Blocked> {
        let charge = account.charge(self.classes.len_of(class), in_turn).map_err(|mut refused| {
            woken.append(&mut refused.woken);
            Blocked::Account(refused)
        })?;
        let taken = match self.cache.pop(class) {
            Popped::Block(raw) => Some(raw),
            Popped::Empty => self.refill(class).ok(),
            Popped::Bypass => None,
        };
        // While somebody waits, the magazines are empty and the slab is for those whose turn it is.
        match taken.or_else(|| if in_turn { self.take_in_turn(class) } else { None }) {
            Some(raw) => Ok((raw, charge)),
            None => {
                woken.extend(charge.refund());
                Err(Blocked::Pool)
            }
        }
    }

    fn take_in_turn(&self, class: ClassIndex) -> Option<RawBlock> {
        let mut slab = self.slab.lock();
        let taken = slab.take(self, class, Place::Anywhere);
        self.hear(&mut slab);
        taken
    }

    /// Remembers that the slab has given out more than ever, for `note_leased`.
    fn hear(&self, slab: &mut Slab) {
        if std::mem::take(&mut slab.has_news) {
            self.counters.news.store(1, Relaxed);
        }
    }

    /// An empty magazine: takes a batch from the slab; failing that, empties all magazines into the slab and tries again.
    #[cold]
    fn refill(&self, class: ClassIndex) -> Result<RawBlock, NoBlock> {
        let mut batch = {
            let mut slab = self.slab.lock();
            if slab.waiting {
                return Err(NoBlock::Waiting);
            }
            let batch = slab.take_batch(self, class, self.cache.refill_count(class), Place::Aligned);
            self.hear(&mut slab);
            batch
        };
        if batch.count() == 0 {
            self.drain(false);
            self.counters.steals.fetch_add(1, Relaxed);
            let mut slab = self.slab.lock();
            if slab.waiting {
                return Err(NoBlock::Waiting);
            }
            batch = slab.take_batch(self, class, 1, Place::Anywhere);
            self.hear(&mut slab);
        }
        let first = batch.pop().ok_or(NoBlock::Empty)?;
        if batch.count() > 0 {
            let over = self.cache.push_batch(batch, class);
            if over.count() > 0 {
                self.put_slow(over, Vec::new());
            }
        }
        Ok(first)
    }

    // ---- returning -----------------------------------------------------------------------------------------------------

    /// Takes a block home whose charge has been refunded.
    #[inline]
    pub(super) fn put(&self, raw: RawBlock) {
        if let Err(raw) = self.cache.push_mine(raw) {
            self.put_woken(raw, Vec::new());
        }
    }

    /// Takes a block home, when its shard cannot keep it or somebody waits at these accounts.
    #[cold]
    pub(super) fn put_woken(&self, raw: RawBlock, woken: Vec<AccountKey>) {
        // The block is still out, so the core is alive (LIVES); this keeps it until those who wait are served.
        let core = self.this.upgrade().expect("a core lives while a block is out");
        let over = core.cache.push(raw);
        core.put_slow(over, woken);
    }

    /// Takes blocks to the slab, and serves whoever waits. The caller keeps the core.
    fn put_slow(&self, batch: Batch, woken: Vec<AccountKey>) {
        let mut waiting = false;
        let mut last = None;
        if batch.count() > 0 {
            let mut slab = self.slab.lock();
            slab.put_batch(batch);
            waiting = slab.waiting;
            last = slab.take_kept_core();
        }
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
        drop(last);
    }

    /// Serves those who wait at these accounts, if there are any.
    #[inline]
    pub(super) fn serve(&self, woken: Vec<AccountKey>) {
        if !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Serves the queue.
    #[cold]
    pub(super) fn serve_now(&self, woken: Vec<AccountKey>) {
        let done = self.queue.lock().serve(self, woken);
        done.finish(self);
    }

    /// Sends all leases and returns through the slab, or lets magazines work again. The queue's lock is held.
    pub(super) fn set_waiting(&self, waiting: bool) {
        self.slab.lock().waiting = waiting;
        self.cache.set_bypass(waiting, |blocks| {
            let mut slab = self.slab.lock();
            blocks.into_iter().for_each(|raw| slab.put(raw));
        });
    }

    /// Empties the magazines into the slab.
    fn drain(&self, only_idle: bool) {
        self.cache.drain(only_idle, |blocks| {
            let mut slab = self.slab.lock();
            blocks.into_iter().for_each(|raw| slab.put(raw));
        });
    }

    // ---- limits, errors, figures ---------------------------------------------------------------------------------------

    /// The capacity that a request takes if the best blocks are free.
    pub(super) fn bytes_of(&self, request: Request) -> usize {
        match request {
            Request::Block(class) => self.classes.len_of(class),
            Request::Chain(len) => {
                let (mut bytes, mut wanted) = (0, len);
                while wanted > 0 {
                    let block_len = self.classes.len_of(self.classes.for_chain(wanted));
                    bytes += block_len;
                    wanted = wanted.saturating_sub(block_len);
                }
                bytes
            }
        }
    }

    /// Bounds what may be out at once; for the pool's own account.
    pub(super) fn set_limit(&self, limit: usize) {
        self.slab.lock().limit = limit.min(self.settings.budget);
        // What is cached counts as out: a lower limit must not be used up by free blocks.
        self.drain(false);
        self.serve_now(Vec::new());
    }

    /// The error of a request that was blocked.
    pub(super) fn refusal(&self, blocked: &Blocked, wanted: usize) -> LeaseError {
        self.counters.refused.fetch_add(1, Relaxed);
        match blocked {
            Blocked::Account(refused) => LeaseError::account_full(wanted, refused.left, refused.limit),
            Blocked::Pool => {
                let (limit, out) = {
                    let slab = self.slab.lock();
                    (slab.limit, slab.count().out_bytes)
                };
                let left = limit.saturating_sub(out);
                if limit < self.settings.budget && left < wanted {
                    LeaseError::account_full(wanted, left, limit)
                } else {
                    LeaseError::pool_empty(wanted)
                }
            }
        }
    }

    /// Bytes leased in the whole pool: what is out of the slab and not in a magazine.
    pub(super) fn leased(&self) -> usize {
        let out = self.slab.lock().count().out_bytes;
        out.saturating_sub(self.cache.bytes())
    }

    pub(super) fn peak(&self) -> usize {
        self.sample();
        self.counters.peak.load(Relaxed)
    }

    /// Reads what is leased, and remembers it if it is the most so far.
    fn sample(&self) -> usize {
        let leased = self.leased();
        self.counters.peak.fetch_max(leased, Relaxed);
        leased
    }

    pub(super) fn pressure(&self) -> Pressure {
        Pressure { leased: self.leased(), budget: self.settings.budget, waiting: self.queue.lock().waiting() }
    }

    /// Waits until the pressure is high.
    ///
    /// Leases out of a magazine are not seen (QUIET), so it may be noticed late by what one shard holds.
    pub(super) async fn pressure_high(&self) {
        let _watcher = Watcher::new(&self.counters.watchers);
        loop {
            let mut notified = std::pin::pin!(self.pressure.notified());
            notified.as_mut().enable();
            if self.pressure().is_high() {
                return;
            }
            notified.await;
        }
    }

    /// Samples the peak and the pressure, when the slab has given out more than ever (QUIET). Wakes, so no lock may be held.
    pub(super) fn note_leased(&self, somebody_waits: bool) {
        let has_news = self.counters.news.load(Relaxed) != 0 && self.counters.news.swap(0, Relaxed) != 0;
        // Blocks out of depots and of others' magazines are no news to the slab.
        if (has_news || self.counters.watchers.load(Relaxed) != 0) && self.sample() >= high_mark(self.settings.budget) {
            self.pressure.notify_waiters();
        }
        if somebody_waits {
            self.pressure.notify_waiters();
        }
    }

    pub(super) fn stats(&self) -> Stats {
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
        let leased = count.out_bytes.saturating_sub(cached);
        Stats {
            budget: self.settings.budget,
            leased,
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

    // ---- trimming ------------------------------------------------------------------------------------------------------

    /// Gives all free memory back to the system; returns the bytes.
    pub(super) fn trim(&self) -> usize {
        self.drain(false);
        self.spares().map(|spare| self.give_back(spare, usize::MAX, usize::MAX).1).sum()
    }

    /// Takes back grants that nobody collected, empties magazines that nobody used since the last sweep, and says how many
    /// blocks of each class to give back: half of what the load has not needed since then (H2O's rule: half of the low
    /// watermark, for the whole runs out mid-cycle).
    pub(super) fn sweep(&self) -> Vec<(Spare, usize)> {
        self.sample();
        self.drain(true);
        self.serve_now(Vec::new());
        let mut slab = self.slab.lock();
        self.spares().map(|spare| (spare, slab.sweep_low(spare).div_ceil(2))).collect()
    }

    fn spares(&self) -> impl Iterator<Item = Spare> + use<> {
        self.classes.iter().map(Spare::Blocks).chain([Spare::Spans])
    }

    /// Gives up to `goal` free blocks or spans, and about `bytes_max` at most, back to the system; returns how many, and the
    /// bytes.
    pub(super) fn give_back(&self, spare: Spare, goal: usize, bytes_max: usize) -> (usize, usize) {
        let mut leaving = Leaving::new();
        let count = {
            let mut slab = self.slab.lock();
            slab.give_back_begin(spare, goal, bytes_max, &self.memory, &mut leaving)
        };
        let bytes = leaving.release(&self.memory);
        let waiting = {
            let mut slab = self.slab.lock();
            slab.give_back_end(leaving);
            slab.waiting
        };
        if waiting {
            self.serve_now(Vec::new());
        }
        self.counters.trimmed.fetch_add(bytes as u64, Relaxed);
        (count, bytes)
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

impl Drop for Core {
    fn drop(&mut self) {
        self.slab.lock().end_all(&self.memory);
    }
}
