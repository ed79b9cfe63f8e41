//! `Item`: the chain of one send.

use crate::chain::Chain;

/// What each segment counts besides its bytes: its handle, and its share of an allocation and of a
/// call.
const SEGMENT_COST: usize = 64;

/// A chain in the queue. It is never empty.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) chain: Chain,
    /// The number of items that were queued before it since the outbox was made.
    pub(super) number: u64,
}

impl Item {
    /// What it counts. The cost falls as the item is written.
    pub(super) fn cost(&self) -> usize {
        cost_of(&self.chain)
    }
}

/// What a chain counts: its bytes, and 64 for each of its segments.
pub(super) fn cost_of(chain: &Chain) -> usize {
    chain.len() + SEGMENT_COST * chain.segment_count()
}
