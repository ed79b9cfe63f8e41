//! The figures of a pool: counts and pressure.

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

    /// Bounds the bytes that may be out at once. This is the limit of the pool's own account.
    pub(in crate::pool) fn set_limit(&self, limit: usize) {
        self.stock.lock().slab.limit = limit.min(self.settings.budget);
        // This empties the magazines. Cached blocks count as out, and free blocks must not use up a
        // lower limit.
        let done = self.queue.lock().watch_limit(self);
        self.finish(done);
    }

    /// Sets `len` bytes aside, so that no lease or reservation gets them.
    pub(in crate::pool) fn set_aside(&self, len: usize) {
        self.stock.lock().slab.aside += len;
    }

    /// Gives back what was set aside, and serves the waiters.
    pub(in crate::pool) fn take_back(&self, len: usize) {
        self.stock.lock().slab.aside -= len;
        self.serve_now(Vec::new());
    }

    /// The limit of the whole pool, and the room that is left under it.
    pub(in crate::pool) fn limit_and_room(&self) -> (usize, usize) {
        let stock = self.stock.lock();
        (stock.slab.limit, stock.slab.room())
    }

    /// The number of bytes leased in the whole pool: what is out of the slab and not in a magazine,
    /// and what is reserved.
    pub(in crate::pool) fn leased(&self) -> usize {
        let SlabCount { out_bytes, reserved, .. } = self.stock.lock().slab.count();
        // Subtracted without underflow: the two were read one after the other, and a block may have
        // moved to a magazine in between.
        out_bytes.saturating_sub(self.cache.bytes()) + reserved
    }

    pub(in crate::pool) fn peak(&self) -> usize {
        self.sample();
        self.counters.peak.load(Relaxed)
    }

    /// Reads how much is leased, and raises the peak to it.
    pub(super) fn sample(&self) -> usize {
        let leased = self.leased();
        if leased > self.counters.peak.fetch_max(leased, Relaxed) {
            trace::taken(leased);
        }
        leased
    }

    /// The budget without the bytes that are set aside.
    pub(in crate::pool) fn usable(&self) -> usize {
        self.settings.budget - self.stock.lock().slab.aside
    }

    /// Whether a request waits for the pool, or nearly all of it is leased or reserved.
    pub(in crate::pool) fn is_pressure_high(&self) -> bool {
        self.queue.lock().waiting_for_pool() > 0 || self.leased() >= high_mark(self.usable())
    }

    /// Waits until the pressure is high.
    ///
    /// Leases from a magazine are not seen (QUIET), so the pressure may be noticed late, by as much
    /// as one shard holds.
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

    /// Samples the peak and the pressure if the slab has given out more than ever (QUIET). It wakes
    /// tasks, so no lock may be held.
    pub(in crate::pool) fn note_leased(&self, others_wait: bool) {
        let has_news =
            self.counters.news.load(Relaxed) != 0 && self.counters.news.swap(0, Relaxed) != 0;
        // The slab does not notice blocks that come from depots and from other threads' magazines.
        if (has_news || self.counters.watchers.load(Relaxed) != 0)
            && self.sample() >= high_mark(self.usable())
        {
            self.pressure.ring();
        }
        if others_wait {
            self.pressure.ring();
        }
    }

    /// The counts of the slab and of each class, with the number of its blocks that are cached, all
    /// from one moment.
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
