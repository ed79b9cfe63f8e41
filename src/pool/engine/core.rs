//! The core of a pool: classes, magazines, slab, accounts and queue, and the way of a block between
//! them.
//!
//! Locks are taken in this order: queue, plans, shard, slab. Wakers are called and blocks are
//! dropped after all of them are released.
//!
//! # Invariants
//! - LIVES: the core lives while an account lives, or a block is out (then the slab keeps the
//!   core), or an `Arc` of it exists. The way home takes such an `Arc` first, unless a magazine
//!   takes the block: a shard that is not bypassed means that the pool is open, and the core is not
//!   used after the shard is unlocked.
//! - HOME: every block comes home exactly once. A block that is out is in a magazine, in a batch of
//!   this file, or leased. Each of these ends in `put`.
//! - NO-STRAND: a free block is reachable from every thread. A lease that finds no block empties
//!   all magazines before it fails.

mod crediting;
mod figures;
mod leasing;
mod refusing;
mod reserving;
mod trimming;
mod waiting;

pub(in crate::pool) use self::leasing::CHAIN_BLOCKS_MAX;

use std::{
    borrow::Cow,
    ptr::NonNull,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{counters::Counters, plans::Plans};
use crate::{
    pool::{
        ledger::{self, AccountKey, Accounts, Owner, Room},
        store::{Batch, Cache, Classes, Memory, RawBlock, Slab},
        wait::{Served, WaitQueue},
    },
    sync::Mutex,
    util::Bell,
};

pub(in crate::pool) type AccountNode = ledger::AccountNode<Core>;
pub(in crate::pool) type AccountHandle = ledger::AccountHandle<Core>;
pub(in crate::pool) type Charge<'a> = ledger::Charge<'a, Core>;
pub(in crate::pool) type CreditedCharge<'a> = ledger::CreditedCharge<'a, Core>;
pub(in crate::pool) type MovingCharge<'a> = ledger::MovingCharge<'a, Core>;
pub(in crate::pool) type HeldCharge = ledger::HeldCharge<Core>;

pub(in crate::pool) struct Settings {
    pub(in crate::pool) budget: usize,
    pub(in crate::pool) magazine: usize,
    pub(in crate::pool) shards: usize,
    pub(in crate::pool) max_wait: Duration,
    pub(in crate::pool) zero_on_return: bool,
}

pub(in crate::pool) struct Core {
    this: Weak<Core>,
    pub(in crate::pool) memory: Memory,
    pub(in crate::pool) classes: Classes,
    pub(in crate::pool) settings: Settings,
    cache: Cache,
    stock: Mutex<Stock>,
    pub(in crate::pool) queue: Mutex<WaitQueue<Core>>,
    pub(in crate::pool) accounts: Accounts<Core>,
    /// Held while a charge moves, so that no thread follows an account that a block is just
    /// leaving.
    pub(in crate::pool) moves: Mutex<()>,
    pub(in crate::pool) counters: Counters,
    pressure: Bell,
    /// The requests that are to be refused on purpose.
    plans: Mutex<Plans>,
}

/// The shared store, and the flags under its lock.
struct Stock {
    slab: Slab,
    /// A request waits for memory. Code that puts a block here must serve the queue next.
    waiting: bool,
    /// The last account is gone.
    is_closed: bool,
    /// Keeps the core once its last account is gone, until the last block is home.
    kept: Option<Arc<Core>>,
}

impl Core {
    /// Makes a core, and the handle that keeps it open.
    pub(in crate::pool) fn start(
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
            stock: Mutex::new(Stock::new(Slab::new(classes.clone(), budget, owner_of(this)))),
            queue: Mutex::new(WaitQueue::new()),
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

    /// Whether a lease is still possible.
    pub(in crate::pool) fn is_open(&self) -> bool {
        !self.stock.lock().is_closed
    }

    /// Takes a block home whose charge has been refunded.
    #[inline]
    pub(in crate::pool) fn put(&self, raw: RawBlock) {
        if let Err(raw) = self.cache.push_mine(raw) {
            self.put_woken(raw, Vec::new());
        }
    }

    /// Takes a block home if its shard cannot keep it, or if requests wait at these accounts.
    #[cold]
    pub(in crate::pool) fn put_woken(&self, raw: RawBlock, woken: Vec<AccountKey>) {
        // The block is still out, so the core is alive (LIVES). This keeps it until the waiters are
        // served.
        let core = self.this.upgrade().expect("a core lives while a block is out");
        let over = core.cache.push(raw);
        core.put_slow(over, woken);
    }

    /// Takes blocks to the slab, and serves the waiters. The caller keeps the core.
    fn put_slow(&self, batch: Batch, woken: Vec<AccountKey>) {
        let mut waiting = false;
        let mut last = None;
        if batch.count() > 0 {
            let mut stock = self.stock.lock();
            stock.slab.put_batch(batch);
            waiting = stock.waiting;
            last = stock.take_kept();
        }
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
        drop(last);
    }

    /// As [`Owner::serve`], after charges have changed and no block has come home. The requests
    /// that wait for the pool are served too: the only free block may be one that their account
    /// could not be charged for.
    pub(in crate::pool) fn serve_moved(&self, woken: Vec<AccountKey>) {
        let waiting = self.stock.lock().waiting;
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Serves the queue.
    #[cold]
    pub(in crate::pool) fn serve_now(&self, woken: Vec<AccountKey>) {
        let served = self.queue.lock().serve(self, woken);
        self.finish(served);
    }

    /// Calls the wakers and drops the grants that the queue returned. No lock may be held.
    pub(in crate::pool) fn finish(&self, served: Served<Core>) {
        self.note_leased(served.is_raised());
        served.finish();
    }

    /// Sends all leases and returns through the slab, or lets magazines work again, unless the pool
    /// is closed. The queue's lock is held.
    fn bypass(&self, waiting: bool) {
        let is_closed = {
            let mut stock = self.stock.lock();
            stock.waiting = waiting;
            stock.is_closed
        };
        self.cache.set_bypass(waiting || is_closed, |blocks| self.put_all(blocks));
    }

    /// Takes blocks from a magazine to the slab, and serves no request. The caller keeps the core.
    fn put_all(&self, blocks: Vec<RawBlock>) {
        let last = {
            let mut stock = self.stock.lock();
            blocks.into_iter().for_each(|raw| stock.slab.put(raw));
            // The last handle may have been dropped while these blocks were in no magazine. Then
            // they are the last blocks to come home.
            stock.take_kept()
        };
        drop(last);
    }

    /// Empties the magazines into the slab.
    fn drain(&self, only_idle: bool) {
        self.cache.drain(only_idle, |blocks| self.put_all(blocks));
    }
}

impl Owner for Core {
    #[inline]
    fn opened(&self, account: &AccountNode) {
        self.accounts.insert(account);
    }

    #[inline]
    fn ended(&self, account: &AccountNode) {
        self.accounts.remove(account);
    }

    /// Serves the requests that wait at these accounts, if there are any.
    #[inline]
    fn serve(&self, woken: Vec<AccountKey>) {
        if !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// The last account is gone. From here on every block goes to the slab, and the last one that
    /// comes home ends the core.
    fn close(self: Arc<Self>) {
        // If the queue let magazines work again meanwhile, a block that comes home to one would be
        // stranded.
        let _queue = self.queue.lock();
        self.cache.set_bypass(true, |blocks| self.put_all(blocks));
        self.stock.lock().close(&self);
    }
}

impl Stock {
    fn new(slab: Slab) -> Self {
        Self { slab, waiting: false, is_closed: false, kept: None }
    }

    /// No account is left. The core is kept until its last block is home.
    fn close(&mut self, core: &Arc<Core>) {
        self.is_closed = true;
        if !self.slab.is_whole() {
            self.kept = Some(Arc::clone(core));
        }
    }

    /// The core that `close` left here, when the last block is home. It is to be dropped without
    /// the lock.
    fn take_kept(&mut self) -> Option<Arc<Core>> {
        if self.slab.is_whole() { self.kept.take() } else { None }
    }
}

impl Room for Stock {
    fn release(&mut self, bytes: usize) {
        self.slab.release(bytes);
    }

    fn reserve_again(&mut self, bytes: usize) {
        self.slab.reserve_again(bytes);
    }
}

/// The pointer by which side tables name their core (LIVES).
fn owner_of(core: &Weak<Core>) -> NonNull<()> {
    NonNull::new(core.as_ptr().cast_mut()).expect("a core has an address").cast()
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stock.lock().slab.end_all(&self.memory);
    }
}
