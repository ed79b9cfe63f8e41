//! `Chain::compact`: small views let go of large blocks.

use std::collections::HashMap;

use bytes::BufMut;

use super::{Chain, Segment};
use crate::pool::{Account, LeaseError};

/// How many bytes are copied into one lease; a longer run of views is copied piece by piece.
const COPY_MAX: usize = 64 << 10;

impl Chain {
    /// Copies views that use less than half of their block into blocks of their size, and lets go
    /// of the large ones (NO-PIN).
    ///
    /// Neighbouring views share the new blocks, which are leased from `pool` and charged there.
    /// Nothing is copied where it would not free memory. Afterwards each block that the chain holds
    /// is at least half used by it, or no smaller one would do. Foreign [`Bytes`](bytes::Bytes) are
    /// left as they are: what they pin is not known here.
    ///
    /// A block that other handles share stays leased by them: compact what is kept of large
    /// messages that go. Many small ones that lie in one block and are kept apart take a block each
    /// afterwards; copy them into one chain instead.
    ///
    /// # Errors
    /// As [`Account::try_chain`]. What was compacted until then stays so, the rest is as it was; no
    /// byte is lost.
    pub fn compact(&mut self, account: &Account) -> Result<(), LeaseError> {
        self.compact_untold(account).map_err(|error| account.told(error))
    }

    /// As [`compact`](Self::compact), for those who do without: nobody is told of a refusal.
    pub(crate) fn compact_untold(&mut self, account: &Account) -> Result<(), LeaseError> {
        let used = self.bytes_by_block();
        let is_sparse = |segment: &Segment| match segment {
            Segment::Block(block) => {
                block.block_id().is_some_and(|id| used[&id] * 2 < block.block_capacity())
            }
            Segment::Bytes(_) => false,
        };
        if !self.segments().any(is_sparse) {
            return Ok(());
        }
        let mut old = std::mem::take(self);
        while let Some(segment) = old.pop_front() {
            if !is_sparse(&segment) {
                self.push(segment);
                continue;
            }
            let mut run = Chain::from(segment);
            while run.len < COPY_MAX
                && old.segments.front().block_capacity() > 0
                && is_sparse(old.segments.front())
            {
                run.extend(old.pop_front());
            }
            match run.copied_if_smaller(account) {
                Ok(run) => self.append(run),
                Err((run, error)) => {
                    self.append(run);
                    self.append(old);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// A copy of a run of views, if that takes less memory than the blocks it pins.
    fn copied_if_smaller(self, account: &Account) -> Result<Chain, (Chain, LeaseError)> {
        if account.chain_capacity(self.len) >= self.pinned() {
            return Ok(self);
        }
        match account.try_chain_untold(self.len) {
            Ok(mut copy) => {
                self.segments().for_each(|segment| copy.put_slice(segment.as_ref()));
                Ok(copy.freeze())
            }
            Err(error) => Err((self, error)),
        }
    }

    /// Capacity of all blocks that this chain has views of, each counted once.
    fn pinned(&self) -> usize {
        let mut blocks: Vec<(usize, usize)> = self
            .segments()
            .filter_map(|segment| match segment {
                Segment::Block(block) => Some((block.block_id()?, block.block_capacity())),
                Segment::Bytes(_) => None,
            })
            .collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks.into_iter().map(|(_, capacity)| capacity).sum()
    }

    /// How many bytes of each block this chain has views of.
    fn bytes_by_block(&self) -> HashMap<usize, usize> {
        let mut used = HashMap::new();
        for segment in self.segments() {
            if let Segment::Block(block) = segment
                && let Some(id) = block.block_id()
            {
                *used.entry(id).or_insert(0) += block.len();
            }
        }
        used
    }
}
