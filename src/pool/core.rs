//! The heart of a pool: classes, magazines, slab, accounts and queue, and the way of a block between them.
//!
//! Locks are taken in this order: queue, plans, shard, slab. Wakers run and blocks are dropped after all of them.
//!
//! # Invariants
//! - LIVES: the core lives while an account lives, or a block is out (then the slab keeps the core), or somebody has an `Arc`.
//!   Whoever brings blocks home takes such an `Arc` first, unless a magazine takes the block: a shard that is not bypassed
//!   means that the pool is open, and nothing of the core is used after the shard is unlocked.
//! - HOME: a block that is out is in a magazine, in a batch of this file, or leased; each of them ends in `put`.
//! - NO-STRAND: whoever finds no block empties all magazines before giving up.

mod covering;
mod figures;
mod leasing;
mod refusing;
mod reserving;
mod trimming;

pub(super) use self::leasing::{Blocked, CHAIN_BLOCKS_MAX};

use std::{
    borrow::Cow,
    sync::{Arc, Weak},
    time::Duration,
};

use self::figures::Counters;
use super::{
    account::{AccountHandle, AccountKey, Accounts},
    batch::Batch,
    cache::Cache,
    class::Classes,
    memory::Memory,
    queue::Queue,
    refusals::Plans,
    slab::Slab,
    span::RawBlock,
};
use crate::{sync::Mutex, util::Bell};

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
    pressure: Bell,
    /// What is to be refused on purpose.
    plans: Mutex<Plans>,
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
            counters: Counters::default(),
            pressure: Bell::default(),
            plans: Mutex::new(Plans::default()),
            classes,
            settings,
        });
        AccountHandle::root(core, budget, name)
    }

    /// The last account is gone: from here on every block goes to the slab, and the last one home ends the core.
    pub(super) fn close(self: Arc<Self>) {
        // A queue that lets magazines work again meanwhile would strand what comes home there.
        let _queue = self.queue.lock();
        self.cache.set_bypass(true, |blocks| self.put_all(blocks));
        self.slab.lock().close(&self);
    }

    /// Whether somebody can still lease.
    pub(super) fn is_open(&self) -> bool {
        !self.slab.lock().is_closed
    }

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

    /// As `serve` after charges have changed and no block has come home. Whoever waits for the pool is served too: the only
    /// block that is free may have been one that its account could not be charged for.
    pub(super) fn serve_moved(&self, woken: Vec<AccountKey>) {
        let waiting = self.slab.lock().waiting;
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Serves the queue.
    #[cold]
    pub(super) fn serve_now(&self, woken: Vec<AccountKey>) {
        let done = self.queue.lock().serve(self, woken);
        done.finish(self);
    }

    /// Sends all leases and returns through the slab, or lets magazines work again, unless the pool is closed. The queue's lock is held.
    pub(super) fn set_waiting(&self, waiting: bool) {
        let is_closed = {
            let mut slab = self.slab.lock();
            slab.waiting = waiting;
            slab.is_closed
        };
        self.cache.set_bypass(waiting || is_closed, |blocks| self.put_all(blocks));
    }

    /// Takes blocks out of a magazine to the slab, without serving anybody. The caller keeps the core.
    fn put_all(&self, blocks: Vec<RawBlock>) {
        let last = {
            let mut slab = self.slab.lock();
            blocks.into_iter().for_each(|raw| slab.put(raw));
            // The last handle may have gone while these blocks were in no magazine: then they are the last ones home.
            slab.take_kept_core()
        };
        drop(last);
    }

    /// Empties the magazines into the slab.
    fn drain(&self, only_idle: bool) {
        self.cache.drain(only_idle, |blocks| self.put_all(blocks));
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.slab.lock().end_all(&self.memory);
    }
}
