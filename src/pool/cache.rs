//! Magazines: a few free blocks of each class close to every core.
//!
//! A shard holds one magazine a class behind a lock that is tried, not waited for: one swap and one plain store a lease or
//! return. A thread starts at its own shard; a busy one is passed over for the next, so nobody spins behind a preempted
//! holder, any thread reaches any shard, and nothing happens when a thread ends. The numbers of HAProxy are adopted: bounded
//! in bytes over all classes, last in first out, flushed and refilled by half.
//!
//! # Invariants
//! - BOUNDED: the blocks of a shard never take more than `bytes_max` bytes.
//! - BYPASS: while a shard's `bypass` is set it holds no block and takes none, so all leases and returns meet at the slab.

use super::{
    batch::{BATCH_MAX, Batch},
    class::{ClassIndex, Classes},
    span::RawBlock,
};
use crate::sync::{TryLock, thread_index};

/// The most blocks that one refill moves.
const REFILL_MAX: usize = 8;

pub(super) struct Cache {
    shards: Box<[Line<TryLock<Shard>>]>,
    classes: Classes,
    bytes_max: usize,
}

/// Keeps a shard on cache lines of its own; two, because processors fetch lines in pairs.
#[repr(align(128))]
struct Line<T>(T);

struct Shard {
    magazines: Box<[Vec<RawBlock>]>,
    bytes: usize,
    bypass: bool,
    /// Leased from or returned to since the last sweep.
    touched: bool,
}

/// What [`Cache::pop`] found.
pub(super) enum Popped {
    Block(RawBlock),
    /// No shard that was free had a block of the class.
    Empty,
    /// Somebody waits for memory: go through the slab.
    Bypass,
}

/// What [`Cache::push`] could not keep.
pub(super) enum Pushed {
    Kept,
    /// The block did not fit, or displaced these: they belong to the slab.
    Over(Batch),
}

impl Cache {
    /// A cache of at least one shard, each bounded to `bytes_max` bytes. The count of shards is rounded up to a power of two.
    pub(super) fn new(classes: Classes, shards: usize, bytes_max: usize) -> Self {
        let shards = (0..shards.max(1).next_power_of_two())
            .map(|_| Line(TryLock::new(Shard::new(&classes, bytes_max))))
            .collect();
        Self { shards, classes, bytes_max }
    }

    /// Takes a block from this thread's shard, or from the next one that is not busy.
    #[inline]
    pub(super) fn pop(&self, class: ClassIndex) -> Popped {
        for shard in self.from_mine() {
            if let Some(mut shard) = shard.try_lock() {
                return match shard.magazines[class.get()].pop() {
                    Some(raw) => {
                        shard.bytes -= self.classes.len_of(class);
                        shard.touched = true;
                        Popped::Block(raw)
                    }
                    None if shard.bypass => Popped::Bypass,
                    None => Popped::Empty,
                };
            }
        }
        Popped::Empty
    }

    /// Keeps a block in this thread's shard, or in the next one that is not busy.
    #[inline]
    pub(super) fn push(&self, raw: RawBlock) -> Pushed {
        let class = raw.class();
        let block_len = self.classes.len_of(class);
        for shard in self.from_mine() {
            if let Some(mut shard) = shard.try_lock() {
                if shard.bytes + block_len <= self.bytes_max && !shard.bypass {
                    shard.magazines[class.get()].push(raw);
                    shard.bytes += block_len;
                    shard.touched = true;
                    return Pushed::Kept;
                }
                return Pushed::Over(self.make_room(&mut shard, raw, block_len));
            }
        }
        Pushed::Over(Batch::of(raw))
    }

    /// How many blocks to take from the slab when a magazine is empty: half of what it may hold, at most [`REFILL_MAX`].
    pub(super) fn refill_count(&self, class: ClassIndex) -> usize {
        (self.bytes_max / 2 / self.classes.len_of(class)).clamp(1, REFILL_MAX)
    }

    /// Keeps what it may of a batch; the rest stays in the batch.
    pub(super) fn push_batch(&self, mut batch: Batch, class: ClassIndex) -> Batch {
        let block_len = self.classes.len_of(class);
        if let Some(mut shard) = self.from_mine().find_map(|shard| shard.try_lock()) {
            while !shard.bypass && shard.bytes + block_len <= self.bytes_max {
                let Some(raw) = batch.pop() else { break };
                shard.magazines[class.get()].push(raw);
                shard.bytes += block_len;
            }
        }
        batch
    }

    /// Sets or clears every shard's bypass, and empties the shards into `slab` when it is set.
    pub(super) fn set_bypass(&self, bypass: bool, mut put: impl FnMut(Vec<RawBlock>)) {
        for shard in &self.shards {
            let blocks = {
                let mut shard = shard.0.lock();
                shard.bypass = bypass;
                if bypass { shard.take_all() } else { Vec::new() }
            };
            put(blocks);
        }
    }

    /// Empties every shard, or only those that nobody has touched since the last sweep.
    pub(super) fn drain(&self, only_idle: bool, mut put: impl FnMut(Vec<RawBlock>)) {
        for shard in &self.shards {
            let blocks = {
                let mut shard = shard.0.lock();
                let spare = only_idle && std::mem::replace(&mut shard.touched, false);
                if spare { Vec::new() } else { shard.take_all() }
            };
            put(blocks);
        }
    }

    /// Blocks of each class in all shards.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.count()];
        for shard in &self.shards {
            let shard = shard.0.lock();
            for (count, magazine) in counts.iter_mut().zip(&shard.magazines) {
                *count += magazine.len();
            }
        }
        counts
    }

    /// Bytes in all shards.
    pub(super) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().bytes).sum()
    }

    /// All shards, this thread's first.
    #[inline]
    fn from_mine(&self) -> impl Iterator<Item = &TryLock<Shard>> {
        let mine = thread_index();
        let mask = self.shards.len() - 1;
        (0..=mask).map(move |step| &self.shards[(mine + step) & mask].0)
    }

    /// A full shard: the class that hogs it most loses the older half of its magazine. Blocks larger than half a
    /// shard, and all blocks while the shard is bypassed, go straight to the slab.
    #[cold]
    fn make_room(&self, shard: &mut Shard, raw: RawBlock, block_len: usize) -> Batch {
        if shard.bypass || block_len > self.bytes_max / 2 {
            return Batch::of(raw);
        }
        let mut over = Batch::new();
        while shard.bytes + block_len > self.bytes_max && over.count() < BATCH_MAX - 1 {
            let bytes_of = |class: &ClassIndex| {
                shard.magazines[class.get()].len() * self.classes.len_of(*class)
            };
            let Some(hog) = self.classes.iter().max_by_key(bytes_of) else { break };
            let magazine = &mut shard.magazines[hog.get()];
            let half = magazine.len().div_ceil(2).min(BATCH_MAX - 1 - over.count());
            shard.bytes -= half * self.classes.len_of(hog);
            magazine.drain(..half).for_each(|old| over.push(old));
        }
        if shard.bytes + block_len <= self.bytes_max {
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
        let magazines = classes
            .iter()
            .map(|class| Vec::with_capacity((bytes_max / classes.len_of(class)).min(BATCH_MAX)))
            .collect();
        Self {
            magazines,
            bytes: 0,
            bypass: false,
            touched: false,
        }
    }

    fn take_all(&mut self) -> Vec<RawBlock> {
        self.bytes = 0;
        self.magazines.iter_mut().flat_map(|magazine| magazine.drain(..)).collect()
    }
}
