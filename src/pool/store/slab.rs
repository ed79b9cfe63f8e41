//! The shared store of blocks. The region is cut into spans, spans are joined to runs of one class,
//! and free blocks are on the lists of their runs.
//!
//! Small classes share a span of 64 KiB. A block of a larger class is a run of neighbouring spans.
//! Small runs are taken from the low end of the region and large ones from the high end, and blocks
//! come from the fullest run. So mixed sizes leave whole stretches free for each other.
//!
//! # Invariants
//! - CAP: runs lie inside the budget and never overlap, so the blocks in memory never exceed it.
//! - WITHIN: the blocks that are out and the bytes that are reserved are together at most `limit`
//!   whenever one of the two has just grown. So reservations are inside the budget too.
//! - COUNTED: `out_blocks` and `out_bytes` count exactly the blocks that are not on a free list
//!   here.
//! - LISTED: a run with a free block is on the list of its class and fullness. A run without one is
//!   on no list.

mod leaving;
mod lists;
mod runs;

pub(in crate::pool) use self::leaving::{Leaving, Spare};

use std::ptr::NonNull;

use super::{
    batch::Batch,
    bits::Bits,
    class::{ClassIndex, Classes},
    memory::Memory,
    run::{ClassList, Run},
    span::{RawBlock, Span},
};

/// Measured on a prototype: with 1 MiB spans an 8 MiB pool of mixed classes refused at 62 % fill.
pub(in crate::pool) const SPAN_LEN: usize = 64 << 10;

pub(in crate::pool) struct Slab {
    classes: Classes,
    /// The owner that all side tables name.
    owner: NonNull<()>,
    /// The budget in bytes.
    len: usize,
    /// The most bytes that may be out and reserved at once. It is the budget, unless the pool's own
    /// limit was lowered.
    pub(in crate::pool) limit: usize,
    /// The part of `limit` that is set aside, and used by neither blocks nor reservations.
    pub(in crate::pool) aside: usize,
    slots: Box<[Slot]>,
    /// The spans of `slots` that are `Slot::Free`.
    free_spans: Bits,
    /// The number of `free_spans` that are warm.
    warm_spans: usize,
    /// The least that `warm_spans` has been since the last sweep.
    warm_spans_low: usize,
    lists: Box<[ClassList]>,
    out_blocks: usize,
    out_bytes: usize,
    /// Bytes that are reserved without a block.
    reserved: usize,
    mapped: usize,
    metadata: usize,
    /// Whether more is out and reserved than ever before, or nearly all.
    pub(in crate::pool) has_news: bool,
    used_most: usize,
}

/// Where a run of several spans may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pool) enum RunPlacement {
    /// At a multiple of its length. These runs leave no gaps that only shorter ones fill.
    Aligned,
    /// At any place with room. It is used when all that was cached has been given up.
    Anywhere,
}

enum Slot {
    /// In no run. A warm span has pages from the system, which the region backing keeps.
    Free { warm: bool },
    /// The first span of a run.
    Head(Box<Run>),
    /// Another span of a run.
    Inside,
}

// SAFETY: a run's table is reached under the slab's lock, or by holders of its blocks (ONE-HOLDER).
unsafe impl Send for Slab {}

/// The slab's part of the statistics.
#[derive(Clone, Copy, Default)]
pub(in crate::pool) struct SlabCount {
    pub(in crate::pool) out_bytes: usize,
    pub(in crate::pool) reserved: usize,
    pub(in crate::pool) mapped: usize,
    pub(in crate::pool) metadata: usize,
}

/// One class's part of the statistics.
#[derive(Clone, Copy, Default)]
pub(in crate::pool) struct ClassCount {
    pub(in crate::pool) out_blocks: usize,
    pub(in crate::pool) warm: usize,
    pub(in crate::pool) taken: u64,
}

impl Slab {
    pub(in crate::pool) fn new(classes: Classes, len: usize, owner: NonNull<()>) -> Self {
        let spans = len.div_ceil(SPAN_LEN);
        let lists = classes.iter().map(|_| ClassList::new()).collect();
        let mut slab = Self {
            len,
            limit: len,
            aside: 0,
            slots: (0..spans).map(|_| Slot::Free { warm: false }).collect(),
            free_spans: Bits::full(spans),
            warm_spans: 0,
            warm_spans_low: 0,
            lists,
            out_blocks: 0,
            out_bytes: 0,
            reserved: 0,
            mapped: 0,
            metadata: 0,
            has_news: false,
            used_most: 0,
            owner,
            classes,
        };
        slab.metadata = size_of_val::<[Slot]>(&slab.slots) + slab.free_spans.bytes();
        slab
    }

    /// Takes one block of `class` from the fullest run that has one, or from a new run.
    pub(in crate::pool) fn take(
        &mut self,
        memory: &Memory,
        class: ClassIndex,
        place: RunPlacement,
    ) -> Option<RawBlock> {
        let block_len = self.classes.len_of(class);
        if block_len > self.room() {
            return None;
        }
        let head = match self.lists[class.get()].fullest() {
            Some(head) => head,
            None => self.begin_run(memory, class, place)?,
        };
        let run = self.run_mut(head);
        let warm = run.free.first_not_in(&run.cold);
        let index = match warm.or_else(|| run.free.first()) {
            Some(index) => index,
            None => unreachable!("a listed run has a free block (LISTED)"),
        };
        run.free.remove(index);
        run.cold.remove(index);
        run.used += 1;
        if warm.is_none() {
            run.counted += block_len;
        }
        let table = run.table;
        self.relist(head);
        let list = &mut self.lists[class.get()];
        match warm {
            Some(_) => list.warm -= 1,
            None => self.mapped += block_len,
        }
        list.low = list.low.min(list.warm);
        list.out_blocks += 1;
        list.taken += 1;
        self.out_blocks += 1;
        self.out_bytes += block_len;
        self.note_growth();
        // SAFETY: `index` was just removed from the run's free list.
        Some(unsafe { Span::raw_block(table, index) })
    }

    /// Takes up to `count` blocks of `class`.
    pub(in crate::pool) fn take_batch(
        &mut self,
        memory: &Memory,
        class: ClassIndex,
        count: usize,
        place: RunPlacement,
    ) -> Batch {
        let mut batch = Batch::new();
        while batch.count() < count && !batch.is_full() {
            match self.take(memory, class, place) {
                Some(raw) => batch.push(raw),
                None => break,
            }
        }
        batch
    }

    /// Puts a block back on its free list.
    ///
    /// # Panics
    /// If the block is free already. That is a bug of this crate, and going on would lease the
    /// block twice.
    pub(in crate::pool) fn put(&mut self, raw: RawBlock) {
        let class = raw.class();
        let capacity = raw.capacity();
        let meta = raw.meta();
        let (head, index) = (meta.span().first, meta.index());
        let run = self.run_mut(head);
        assert!(run.free.insert(index), "block {index} of run {head} came home twice");
        run.used -= 1;
        self.relist(head);
        let list = &mut self.lists[class.get()];
        list.warm += 1;
        list.out_blocks -= 1;
        self.out_blocks -= 1;
        self.out_bytes -= capacity;
    }

    /// Takes room for `bytes` without a block, if there is enough (WITHIN).
    pub(in crate::pool) fn reserve(&mut self, bytes: usize) -> bool {
        let has_room = bytes <= self.room();
        if has_room {
            self.reserved += bytes;
            self.note_growth();
        }
        has_room
    }

    /// Takes room that was given back under the same lock, or that a block left which was put here
    /// just now.
    pub(in crate::pool) fn reserve_again(&mut self, bytes: usize) {
        self.reserved += bytes;
    }

    /// Gives back room that `reserve` took.
    pub(in crate::pool) fn release(&mut self, bytes: usize) {
        self.reserved = self.reserved.checked_sub(bytes).expect("what is given back was reserved");
    }

    /// Puts all blocks of a batch back.
    pub(in crate::pool) fn put_batch(&mut self, mut batch: Batch) {
        while let Some(raw) = batch.pop() {
            self.put(raw);
        }
    }

    /// Whether all blocks are home.
    pub(in crate::pool) fn is_whole(&self) -> bool {
        self.out_blocks == 0
    }

    /// The number of bytes that may still be taken or reserved.
    pub(in crate::pool) fn room(&self) -> usize {
        self.limit.saturating_sub(self.out_bytes + self.reserved + self.aside)
    }

    /// Whether the limit was lowered below the bytes that are out and reserved.
    pub(in crate::pool) fn is_over_limit(&self) -> bool {
        self.out_bytes + self.reserved > self.limit
    }

    pub(in crate::pool) fn count(&self) -> SlabCount {
        SlabCount {
            out_bytes: self.out_bytes,
            reserved: self.reserved,
            mapped: self.mapped,
            metadata: self.metadata,
        }
    }

    pub(in crate::pool) fn class_count(&self, class: ClassIndex) -> ClassCount {
        let list = &self.lists[class.get()];
        ClassCount { out_blocks: list.out_blocks, warm: list.warm, taken: list.taken }
    }

    /// Remembers the most that was out and reserved.
    fn note_growth(&mut self) {
        let used = self.out_bytes + self.reserved;
        self.has_news |= used > self.used_most || used >= high_mark(self.len);
        self.used_most = self.used_most.max(used);
    }

    /// Counts `count` warm spans as no longer free.
    fn take_warm_spans(&mut self, count: usize) {
        self.warm_spans -= count;
        self.warm_spans_low = self.warm_spans_low.min(self.warm_spans);
    }

    /// Ends all runs, when the store is dropped.
    pub(in crate::pool) fn end_all(&mut self, memory: &Memory) {
        assert_eq!(
            (self.out_blocks, self.reserved),
            (0, 0),
            "the slab outlives its blocks and reservations"
        );
        for class in self.classes.iter() {
            while let Some(head) = self.lists[class.get()].first_of(0) {
                self.end_run(head, memory);
            }
        }
    }

    fn run_mut(&mut self, head: u32) -> &mut Run {
        match &mut self.slots[head as usize] {
            Slot::Head(run) => run,
            _ => unreachable!("span {head} heads no run"),
        }
    }
}

/// The mark at which a store of `len` bytes is nearly used up. The eighth that is left is time to
/// give memory back before any request must wait.
pub(in crate::pool) fn high_mark(len: usize) -> usize {
    len - len / 8
}
