//! A few blocks on their way between a magazine and the slab, without an allocation.

use super::span::RawBlock;

/// The most blocks that move under one lock.
pub(super) const BATCH_MAX: usize = 32;

#[must_use = "blocks that are dropped here are lost to the pool"]
pub(super) struct Batch {
    blocks: [Option<RawBlock>; BATCH_MAX],
    count: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { blocks: [const { None }; BATCH_MAX], count: 0 }
    }

    pub(super) fn of(raw: RawBlock) -> Self {
        let mut batch = Self::new();
        batch.push(raw);
        batch
    }

    pub(super) fn push(&mut self, raw: RawBlock) {
        self.blocks[self.count] = Some(raw);
        self.count += 1;
    }

    pub(super) fn pop(&mut self) -> Option<RawBlock> {
        self.count = self.count.checked_sub(1)?;
        self.blocks[self.count].take()
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_full(&self) -> bool {
        self.count == BATCH_MAX
    }
}
