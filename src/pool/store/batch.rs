//! A few blocks that move between a magazine and the slab, without an allocation.

use super::span::RawBlock;

/// The most blocks that move under one lock.
pub(in crate::pool) const BATCH_MAX: usize = 32;

#[must_use = "blocks that are dropped here are lost to the pool"]
pub(in crate::pool) struct Batch {
    blocks: [Option<RawBlock>; BATCH_MAX],
    count: usize,
}

impl Batch {
    pub(in crate::pool) fn new() -> Self {
        Self { blocks: [const { None }; BATCH_MAX], count: 0 }
    }

    pub(in crate::pool) fn of(raw: RawBlock) -> Self {
        let mut batch = Self::new();
        batch.push(raw);
        batch
    }

    pub(in crate::pool) fn push(&mut self, raw: RawBlock) {
        self.blocks[self.count] = Some(raw);
        self.count += 1;
    }

    pub(in crate::pool) fn pop(&mut self) -> Option<RawBlock> {
        self.count = self.count.checked_sub(1)?;
        self.blocks[self.count].take()
    }

    pub(in crate::pool) fn count(&self) -> usize {
        self.count
    }

    pub(in crate::pool) fn is_full(&self) -> bool {
        self.count == BATCH_MAX
    }
}
