//! What a pool knows of itself: counts and pressure.

use std::sync::atomic::Ordering::Relaxed;

use super::{CHAIN_BLOCKS_MAX, Core};
use crate::pool::{
    engine::{counters::Watcher, request::Request, trace},
    store::{ClassCount, ClassIndex, SlabCount, high_mark},
};

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
        self.stock.lock().slab.limit = limit.min(self.settings.budget);
        // This empties the magazines: what is cached counts as out, and a lower limit must not be
        // used up by free blocks.
        let done = self.queue.lock().watch_limit(self);
        self.finish(done);
    }

    /// Keeps so many bytes from all that lease and reserve.
    pub(in crate::pool) fn set_aside(&self, len: usize) {
        self.stock.lock().slab.aside += len;
    }

    /// Gives them back; those that wait are served.
    pub(in crate::pool) fn take_back(&self, len: usize) {
        self.stock.lock().slab.aside -= len;
        self.serve_now(Vec::new());
    }

    /// The limit of the whole pool, and what is left under it.
    pub(in crate::pool) fn limit_and_room(&self) -> (usize, usize) {
        let stock = self.stock.lock();
        (stock.slab.limit, stock.slab.room())
    }

    /// Bytes leased in the whole pool: what is out of the slab and not in a magazine, and what is
    /// reserved.
    pub(in crate::pool) fn leased(&self) -> usize {
        let SlabCount { out_bytes, reserved, .. } = self.stock.lock().slab.count();
        // Apart, for the two were read one after the other, and a block may have gone to a magazine
        // in between.
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
    pub(in crate::pool) fn usable(&self) -> usize {
        self.settings.budget - self.stock.lock().slab.aside
    }

    /// Whether somebody waits for the pool, or nearly all of it is leased or reserved.
    pub(in crate::pool) fn is_pressure_high(&self) -> bool {
        self.queue.lock().waiting_for_pool() > 0 || self.leased() >= high_mark(self.usable())
    }

    /// Waits until the pressure is high.
    ///
    /// Leases out of a magazine are not seen (QUIET), so it may be noticed late by what one shard
    /// holds.
    pub(in crate::pool) async fn pressure_high(&self) {
        let _watcher = Watcher::new(&self.counters.watchers);
        loop {
            let ring = self.pressure.listen();
            if self.is_pressure_high() {
                return;
            }
            ring.await;
        }
    }

    /// Samples the peak and the pressure, when the slab has given out more than ever (QUIET).
    /// Wakes, so no lock may be held.
    pub(in crate::pool) fn note_leased(&self, somebody_waits: bool) {
        let has_news =
            self.counters.news.load(Relaxed) != 0 && self.counters.news.swap(0, Relaxed) != 0;
        // Blocks out of depots and of others' magazines are no news to the slab.
        if (has_news || self.counters.watchers.load(Relaxed) != 0)
            && self.sample() >= high_mark(self.usable())
        {
            self.pressure.ring();
        }
        if somebody_waits {
            self.pressure.ring();
        }
    }

    /// The counts of the slab and of each class, with the blocks of it that are cached, all of one
    /// moment.
    pub(in crate::pool) fn counts(&self) -> (SlabCount, Vec<(ClassIndex, ClassCount, usize)>) {
        let cached = self.cache.counts();
        let stock = self.stock.lock();
        let classes = self
            .classes
            .iter()
            .map(|class| (class, stock.slab.class_count(class), cached[class.get()]));
        (stock.slab.count(), classes.collect())
    }
}
