//! `Chain::compact`: small views release large blocks.

use std::collections::HashMap;

use bytes::BufMut;

use super::{Chain, Segment};
use crate::pool::{Account, LeaseError};

/// The number of bytes that are copied into one lease. A longer run of views is copied in several
/// steps.
const COPY_MAX: usize = 64 << 10;

impl Chain {
    /// Copies each view that uses less than half of its block into a block of its own size, and
    /// releases the large block (NO-PIN).
    ///
    /// Neighbouring views share the new blocks. These are leased from `account` and charged to it.
    /// Nothing is copied if that would free no memory. Afterwards the chain uses at least half of
    /// each block that it holds, or no smaller block would do. Foreign [`Bytes`](bytes::Bytes) are
    /// left as they are, because a chain cannot know what they pin.
    ///
    /// A block that other handles share stays leased by them. So compact the small part that you
    /// keep of a large message whose rest goes. If many small messages lie in one block and you
    /// keep them apart, each takes a block of its own afterwards; copy them into one chain instead.
    ///
    /// # Errors
    /// As [`Account::try_chain`]. What was compacted before the error stays compacted, and the rest
    /// is as it was. No byte is lost.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut message = pool.try_chain(64 << 10)?;
    /// message.put_bytes(b'.', 50_000);
    /// let mut kept = message.freeze().take(100);
    /// assert_eq!(pool.leased(), 64 << 10); // 100 bytes keep a block of 64 KiB
    /// kept.compact(&pool)?;
    /// assert_eq!((kept.len(), pool.leased()), (100, 1 << 10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&mut self, account: &Account) -> Result<(), LeaseError> {
        self.compact_untold(account).map_err(|error| account.told(error))
    }

    /// As [`compact`](Self::compact), but a refusal is not counted as told (TOLD).
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

    /// Copies a run of views, if the copy takes less memory than the blocks that the run pins.
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

    /// The capacity of all blocks that this chain has views of. Each block is counted once.
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

    /// The number of bytes that this chain uses of each block.
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
