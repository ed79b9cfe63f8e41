//! `Limits`: when an outbox is full, and when it is low.

use super::Policy;

/// When an outbox is full, and when it is low.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) high: usize,
    pub(super) low: usize,
    pub(super) max_items: u32,
    pub(super) policy: Policy,
}

impl Limits {
    /// Whether an item of this cost may be added to what is held (BOUND).
    pub(super) fn admit(&self, held: usize, count: u32, cost: usize) -> bool {
        held == 0
            || (count < self.max_items
                && held.checked_add(cost).is_some_and(|sum| sum <= self.high))
    }

    /// Whether little enough is held to wake waiting senders.
    pub(super) fn is_low(&self, held: usize, count: u32) -> bool {
        held <= self.low && count <= self.max_items / 2
    }
}
