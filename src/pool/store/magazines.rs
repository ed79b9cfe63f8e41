//! Free blocks that are ready for the next lease: magazines close to each core, and one depot for
//! each class between the magazines and the slab.
//!
//! A shard holds one magazine for each class, behind a lock that is tried and never waited for. A
//! lease or return costs one swap and one plain store. A thread starts at its own shard, and goes
//! on to the next if that one is busy. So no thread spins behind a preempted holder, any thread
//! reaches any shard, and nothing happens when a thread ends.
//!
//! The numbers are HAProxy's: a bound in bytes over all classes, last in first out, flush and
//! refill by half. Half magazines travel through the depots, so that blocks leased on one thread
//! and returned on another pass from hand to hand without the slab's bookkeeping.
//!
//! # Invariants
//! - CACHE-BOUND: the blocks of a shard never take more than `shard_max` bytes, those of a depot
//!   never more than `depot_max`.
//! - BYPASS: while `bypass` is set, a shard or depot holds no block and takes none, so all leases
//!   and returns meet at the slab.

use super::{
    batch::{BATCH_MAX, Batch},
    class::{CLASSES_MAX, ClassIndex, Classes},
    span::RawBlock,
};
use crate::sync::{TryLock, thread_index};

/// The most blocks that one refill moves.
const REFILL_MAX: usize = 8;

/// A depot holds at most this many times the bytes of a shard.
const DEPOT_SHARDS: usize = 8;

pub(in crate::pool) struct Cache {
    shards: Box<[CachePadded<TryLock<Shard>>]>,
    depots: Box<[CachePadded<TryLock<Depot>>]>,
    classes: Classes,
    shard_max: usize,
    depot_max: usize,
}

/// Keeps a shard on cache lines of its own. They are two, because processors fetch lines in pairs.
#[repr(align(128))]
struct CachePadded<T>(T);

struct Shard {
    magazines: [Vec<RawBlock>; CLASSES_MAX],
    bytes: usize,
    bypass: bool,
    /// Whether a block was leased from or returned to it since the last sweep.
    touched: bool,
}

struct Depot {
    blocks: Vec<RawBlock>,
    bypass: bool,
    touched: bool,
}

/// The result of [`Cache::pop`].
pub(in crate::pool) enum Popped {
    Block(RawBlock),
    /// Neither a shard that was not busy nor the depot had a block of the class.
    Empty,
    /// All leases meet at the slab (BYPASS).
    Bypass,
}

impl Cache {
    /// Makes a cache of at least one shard, each bounded to `shard_max` bytes, for a pool of
    /// `budget` bytes. The count of shards is rounded up to a power of two.
    pub(in crate::pool) fn new(
        classes: Classes,
        shards: usize,
        shard_max: usize,
        budget: usize,
    ) -> Self {
        let shards = (0..shards.max(1).next_power_of_two())
            .map(|_| CachePadded(TryLock::new(Shard::new(&classes, shard_max))))
            .collect();
        let depots = classes.iter().map(|_| CachePadded(TryLock::new(Depot::new()))).collect();
        Self {
            shards,
            depots,
            classes,
            shard_max,
            depot_max: (shard_max * DEPOT_SHARDS).min(budget / 16),
        }
    }

    /// Takes a block from this thread's shard, if the shard is not busy and has one. That is nearly
    /// always so.
    #[inline]
    pub(in crate::pool) fn pop_mine(&self, class: ClassIndex) -> Option<RawBlock> {
        let mut shard = self.mine().try_lock()?;
        let raw = shard.magazines[class.get()].pop()?;
        shard.bytes -= self.classes.len_of(class);
        shard.touched = true;
        Some(raw)
    }

    /// Keeps a block in this thread's shard, if the shard is not busy and has room. That is nearly
    /// always so.
    #[inline]
    pub(in crate::pool) fn push_mine(&self, raw: RawBlock) -> Result<(), RawBlock> {
        let class = raw.class();
        match self.mine().try_lock() {
            Some(mut shard) if shard.has_room(raw.capacity(), self.shard_max) => {
                shard.bytes += raw.capacity();
                shard.touched = true;
                shard.magazines[class.get()].push(raw);
                Ok(())
            }
            _ => Err(raw),
        }
    }

    /// Takes a block from the first shard that is not busy. Refills the shard from the depot if it
    /// is empty.
    #[cold]
    pub(in crate::pool) fn pop(&self, class: ClassIndex) -> Popped {
        let Some(mut shard) = self.mine_first().find_map(|shard| shard.try_lock()) else {
            return self.depots[class.get()]
                .0
                .lock()
                .blocks
                .pop()
                .map_or(Popped::Empty, Popped::Block);
        };
        shard.touched = true;
        if let Some(raw) = shard.magazines[class.get()].pop() {
            shard.bytes -= self.classes.len_of(class);
            return Popped::Block(raw);
        }
        if shard.bypass {
            return Popped::Bypass;
        }
        let mut depot = self.depots[class.get()].0.lock();
        let Some(raw) = depot.blocks.pop() else { return Popped::Empty };
        depot.touched = true;
        let block_len = self.classes.len_of(class);
        for _ in 1..self.refill_count(class) {
            if !shard.has_room(block_len, self.shard_max) {
                break;
            }
            let Some(more) = depot.blocks.pop() else { break };
            shard.magazines[class.get()].push(more);
            shard.bytes += block_len;
        }
        Popped::Block(raw)
    }

    /// Keeps a block in the first shard that is not busy. Blocks that are then too much go to the
    /// depots. Returns the blocks that do not fit there either; they belong to the slab.
    #[cold]
    pub(in crate::pool) fn push(&self, raw: RawBlock) -> Batch {
        let mut over = match self.mine_first().find_map(|shard| shard.try_lock()) {
            Some(mut shard) => self.make_room(&mut shard, raw),
            None => Batch::of(raw),
        };
        let mut rest = Batch::new();
        while let Some(raw) = over.pop() {
            let mut depot = self.depots[raw.class().get()].0.lock();
            depot.touched = true;
            if depot.bypass || (depot.blocks.len() + 1) * raw.capacity() > self.depot_max {
                rest.push(raw);
            } else {
                depot.blocks.push(raw);
            }
        }
        rest
    }

    /// The number of blocks to take when a magazine is empty: half of what it may hold, at most
    /// [`REFILL_MAX`].
    pub(in crate::pool) fn refill_count(&self, class: ClassIndex) -> usize {
        (self.shard_max / 2 / self.classes.len_of(class)).clamp(1, REFILL_MAX)
    }

    /// Keeps as many blocks of a batch as fit. The rest stays in the batch.
    pub(in crate::pool) fn push_batch(&self, mut batch: Batch, class: ClassIndex) -> Batch {
        let block_len = self.classes.len_of(class);
        if let Some(mut shard) = self.mine_first().find_map(|shard| shard.try_lock()) {
            while shard.has_room(block_len, self.shard_max) {
                let Some(raw) = batch.pop() else { break };
                shard.magazines[class.get()].push(raw);
                shard.bytes += block_len;
            }
        }
        batch
    }

    /// Sets or clears the bypass of all shards and depots. When it is set, the blocks that they
    /// held go to `put`.
    pub(in crate::pool) fn set_bypass(&self, bypass: bool, mut put: impl FnMut(Vec<RawBlock>)) {
        for shard in &self.shards {
            let blocks = {
                let mut shard = shard.0.lock();
                shard.bypass = bypass;
                if bypass { shard.take_all() } else { Vec::new() }
            };
            put(blocks);
        }
        for depot in &self.depots {
            let blocks = {
                let mut depot = depot.0.lock();
                depot.bypass = bypass;
                if bypass { std::mem::take(&mut depot.blocks) } else { Vec::new() }
            };
            put(blocks);
        }
    }

    /// Empties all shards and depots into `put`, or with `only_idle` those that no thread has
    /// touched since the last sweep.
    pub(in crate::pool) fn drain(&self, only_idle: bool, mut put: impl FnMut(Vec<RawBlock>)) {
        for shard in &self.shards {
            let blocks = {
                let mut shard = shard.0.lock();
                let spare = only_idle && std::mem::replace(&mut shard.touched, false);
                if spare { Vec::new() } else { shard.take_all() }
            };
            put(blocks);
        }
        for depot in &self.depots {
            let blocks = {
                let mut depot = depot.0.lock();
                let spare = only_idle && std::mem::replace(&mut depot.touched, false);
                if spare { Vec::new() } else { std::mem::take(&mut depot.blocks) }
            };
            put(blocks);
        }
    }

    /// The number of blocks of each class in all shards and depots.
    pub(in crate::pool) fn counts(&self) -> Vec<usize> {
        let mut counts: Vec<usize> =
            self.depots.iter().map(|depot| depot.0.lock().blocks.len()).collect();
        for shard in &self.shards {
            let shard = shard.0.lock();
            for (count, magazine) in counts.iter_mut().zip(&shard.magazines) {
                *count += magazine.len();
            }
        }
        counts
    }

    /// The number of bytes in all shards and depots.
    pub(in crate::pool) fn bytes(&self) -> usize {
        let counts = self.counts();
        self.classes.iter().map(|class| counts[class.get()] * self.classes.len_of(class)).sum()
    }

    #[inline]
    fn mine(&self) -> &TryLock<Shard> {
        &self.shards[thread_index() & (self.shards.len() - 1)].0
    }

    /// All shards, this thread's first.
    fn mine_first(&self) -> impl Iterator<Item = &TryLock<Shard>> {
        let mine = thread_index();
        let mask = self.shards.len() - 1;
        (0..=mask).map(move |step| &self.shards[(mine + step) & mask].0)
    }

    /// Keeps a block. If the shard is full, removes the older half of the magazine that takes the
    /// most bytes. A block larger than half a shard is not kept, nor is any block while the shard
    /// is bypassed.
    fn make_room(&self, shard: &mut Shard, raw: RawBlock) -> Batch {
        let block_len = raw.capacity();
        shard.touched = true;
        if shard.bypass || block_len > self.shard_max / 2 {
            return Batch::of(raw);
        }
        let mut over = Batch::new();
        while !shard.has_room(block_len, self.shard_max) && over.count() < BATCH_MAX - 1 {
            let bytes_of = |class: &ClassIndex| {
                shard.magazines[class.get()].len() * self.classes.len_of(*class)
            };
            let Some(hog) = self.classes.iter().max_by_key(bytes_of) else { break };
            let magazine = &mut shard.magazines[hog.get()];
            let half = magazine.len().div_ceil(2).min(BATCH_MAX - 1 - over.count());
            shard.bytes -= half * self.classes.len_of(hog);
            magazine.drain(..half).for_each(|old| over.push(old));
        }
        if shard.has_room(block_len, self.shard_max) {
            shard.magazines[raw.class().get()].push(raw);
            shard.bytes += block_len;
        } else {
            over.push(raw);
        }
        over
    }
}

impl Shard {
    fn new(classes: &Classes, bytes_max: usize) -> Self {
        let mut magazines = [const { Vec::new() }; CLASSES_MAX];
        for class in classes.iter() {
            magazines[class.get()]
                .reserve_exact((bytes_max / classes.len_of(class)).min(BATCH_MAX));
        }
        Self { magazines, bytes: 0, bypass: false, touched: false }
    }

    #[inline]
    fn has_room(&self, block_len: usize, bytes_max: usize) -> bool {
        !self.bypass && self.bytes + block_len <= bytes_max
    }

    fn take_all(&mut self) -> Vec<RawBlock> {
        self.bytes = 0;
        self.magazines.iter_mut().flat_map(|magazine| magazine.drain(..)).collect()
    }
}

impl Depot {
    fn new() -> Self {
        Self { blocks: Vec::new(), bypass: false, touched: false }
    }
}
