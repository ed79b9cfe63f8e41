//! A run of spans, and the lists of runs of one class.

use std::ptr::NonNull;

use super::super::{bits::Bits, class::ClassIndex, span::Span};

/// Lists of runs by fullness: level 0 is empty runs, the rest sixths of the blocks in use.
pub(super) const LEVELS: usize = 7;
pub(super) const NOWHERE: u32 = u32::MAX;

/// Spans joined for one class, and which of their blocks are free.
pub(super) struct Run {
    pub(super) table: NonNull<Span>,
    pub(super) class: ClassIndex,
    pub(super) spans: u32,
    pub(super) count: u32,
    /// Blocks that are not free: out, or on their way back to the system.
    pub(super) used: u32,
    pub(super) free: Bits,
    /// Blocks without pages: never leased yet, or given back.
    pub(super) cold: Bits,
    /// What this run adds to `mapped`: its blocks that are not cold, and gaps whose pages it took over.
    pub(super) counted: usize,
    pub(super) level: usize,
    pub(super) before: u32,
    pub(super) after: u32,
}

/// The runs of one class by fullness, and its counts.
pub(super) struct ClassList {
    pub(super) heads: [u32; LEVELS],
    /// Free blocks that have pages.
    pub(super) warm: usize,
    /// The least that `warm` has been since the last sweep: what the load did not need.
    pub(super) low: usize,
    pub(super) out_blocks: usize,
    pub(super) taken: u64,
}

impl Run {
    /// LEVELS for a full run, which is on no list.
    pub(super) fn level_now(&self) -> usize {
        match self.used {
            0 => 0,
            used if used == self.count => LEVELS,
            used => 1 + (used as usize * (LEVELS - 1)) / self.count as usize,
        }
    }

    /// Free blocks with pages, of a run without a block out.
    pub(super) fn warm_free(&self) -> usize {
        let count = self.count as usize;
        (0..count).filter(|&index| self.free.contains(index) && !self.cold.contains(index)).count()
    }

    pub(super) fn bytes(&self) -> usize {
        Span::bytes(self.count as usize) + self.free.bytes() + self.cold.bytes()
    }
}

impl ClassList {
    pub(super) fn new() -> Self {
        Self { heads: [NOWHERE; LEVELS], warm: 0, low: 0, out_blocks: 0, taken: 0 }
    }

    /// The run to lease from: the fullest that has a free block, an empty one last.
    pub(super) fn fullest(&self) -> Option<u32> {
        self.heads.iter().rev().copied().find(|&head| head != NOWHERE)
    }

    pub(super) fn first_of(&self, level: usize) -> Option<u32> {
        (self.heads[level] != NOWHERE).then_some(self.heads[level])
    }
}
