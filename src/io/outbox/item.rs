//! `Item`: what one send handed in.

use crate::chain::Chain;

/// What each segment counts beside its bytes: its handle, and its share of an allocation and of a
/// call.
const SEGMENT_COST: usize = 64;

/// A chain in the queue; never empty.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) chain: Chain,
    /// How many were queued before it, since the outbox was made.
    pub(super) number: u64,
}

impl Item {
    /// What it counts, less and less as it is written.
    pub(super) fn cost(&self) -> usize {
        cost_of(&self.chain)
    }
}

/// What a chain counts: its bytes and its segments.
pub(super) fn cost_of(chain: &Chain) -> usize {
    chain.len() + SEGMENT_COST * chain.segment_count()
}
