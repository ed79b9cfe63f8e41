//! A run of spans, and the lists of runs of one class.

use std::ptr::NonNull;

use super::{bits::Bits, class::ClassIndex, span::Span};

/// The number of lists of runs by fullness. Level 0 has the empty runs, each other level a sixth of
/// the fullness.
pub(in crate::pool) const LEVELS: usize = 7;
pub(in crate::pool) const NOWHERE: u32 = u32::MAX;

/// Spans joined for one class, and the set of their free blocks.
pub(in crate::pool) struct Run {
    pub(in crate::pool) table: NonNull<Span>,
    pub(in crate::pool) class: ClassIndex,
    pub(in crate::pool) spans: u32,
    pub(in crate::pool) count: u32,
    /// Blocks that are not free: they are out, or on their way back to the system.
    pub(in crate::pool) used: u32,
    pub(in crate::pool) free: Bits,
    /// Blocks without pages: never leased yet, or given back.
    pub(in crate::pool) cold: Bits,
    /// What this run adds to `mapped`: its blocks that are not cold, and gaps with pages that it
    /// took over.
    pub(in crate::pool) counted: usize,
    pub(in crate::pool) level: usize,
    pub(in crate::pool) before: u32,
    pub(in crate::pool) after: u32,
}

/// The runs of one class by fullness, and its counts.
pub(in crate::pool) struct ClassList {
    pub(in crate::pool) heads: [u32; LEVELS],
    /// Free blocks that have pages.
    pub(in crate::pool) warm: usize,
    /// The least that `warm` has been since the last sweep: the load did not need these blocks.
    pub(in crate::pool) low: usize,
    pub(in crate::pool) out_blocks: usize,
    pub(in crate::pool) taken: u64,
}

impl Run {
    /// The level of the run. It is `LEVELS` for a full run, which is on no list.
    pub(in crate::pool) fn level_now(&self) -> usize {
        match self.used {
            0 => 0,
            used if used == self.count => LEVELS,
            used => 1 + (used as usize * (LEVELS - 1)) / self.count as usize,
        }
    }

    /// The number of free blocks with pages, in a run without a block out.
    pub(in crate::pool) fn warm_free(&self) -> usize {
        let count = self.count as usize;
        (0..count).filter(|&index| self.free.contains(index) && !self.cold.contains(index)).count()
    }

    pub(in crate::pool) fn bytes(&self) -> usize {
        Span::bytes(self.count as usize) + self.free.bytes() + self.cold.bytes()
    }
}

impl ClassList {
    pub(in crate::pool) fn new() -> Self {
        Self { heads: [NOWHERE; LEVELS], warm: 0, low: 0, out_blocks: 0, taken: 0 }
    }

    /// The run to lease from: the fullest one that has a free block. An empty run comes last.
    pub(in crate::pool) fn fullest(&self) -> Option<u32> {
        self.heads.iter().rev().copied().find(|&head| head != NOWHERE)
    }

    pub(in crate::pool) fn first_of(&self, level: usize) -> Option<u32> {
        (self.heads[level] != NOWHERE).then_some(self.heads[level])
    }
}
