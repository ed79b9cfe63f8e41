//! A lane of waiters: first come, first served, with bounded patience.
//!
//! # Invariants
//! - NO-FREEZE: every wait ends. A head that cannot be served is passed by at most [`PASSES`]
//!   others. Then it holds them back, so that memory can gather for it, for at most [`HOLDS`]
//!   servings or [`HOLD_MAX`]. Then others may pass again, and so on in turn.

use std::{collections::BTreeSet, time::Duration};

/// How many requests may pass a head that cannot be served before it holds them back.
const PASSES: u32 = 16;
/// The number of servings for which it holds them back.
const HOLDS: u32 = 16;
/// The time for which it holds them back. If no thread leases or returns, there are no servings,
/// and no memory gathers.
pub(in crate::pool) const HOLD_MAX: Duration = Duration::from_millis(10);

/// A place in the queue. Lower ones are older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::pool) struct Ticket(pub(in crate::pool) u64);

/// Tickets in order, and the patience of their head.
pub(in crate::pool) struct Lane {
    pub(in crate::pool) tickets: BTreeSet<Ticket>,
    pub(in crate::pool) passes_left: u32,
    holds_left: u32,
    /// The head that has been woken to end the hold in time. An older ticket may come in front of
    /// it.
    holder: Option<Ticket>,
}

impl Lane {
    pub(in crate::pool) fn new() -> Self {
        Self { tickets: BTreeSet::new(), passes_left: PASSES, holds_left: HOLDS, holder: None }
    }

    /// Takes a ticket out. A new head starts with full patience.
    pub(in crate::pool) fn remove(&mut self, ticket: Ticket) {
        if self.tickets.first() == Some(&ticket) {
            self.end_hold();
        }
        self.tickets.remove(&ticket);
    }

    /// Lets others pass again.
    pub(in crate::pool) fn end_hold(&mut self) {
        self.passes_left = PASSES;
        self.holds_left = HOLDS;
        self.holder = None;
    }

    /// Whether `ticket` is the head and holds the others back.
    pub(in crate::pool) fn is_held_by(&self, ticket: Ticket) -> bool {
        !self.may_pass() && self.tickets.first() == Some(&ticket)
    }

    /// The head, if it has begun to hold the others back and was not woken for that yet.
    pub(in crate::pool) fn new_holder(&mut self) -> Option<Ticket> {
        let head = self.tickets.first().copied().filter(|_| !self.may_pass())?;
        (self.holder.replace(head) != Some(head)).then_some(head)
    }

    /// Counts one serving of the time that the head holds the others back.
    pub(in crate::pool) fn begin_serving(&mut self) {
        if self.passes_left == 0 {
            self.holds_left -= 1;
            if self.holds_left == 0 {
                self.end_hold();
            }
        }
    }

    /// Whether the lane is empty, or its head may still be passed.
    pub(in crate::pool) fn may_pass(&self) -> bool {
        self.tickets.is_empty() || self.passes_left > 0
    }

    pub(in crate::pool) fn pass(&mut self) {
        if !self.tickets.is_empty() {
            self.passes_left = self.passes_left.saturating_sub(1);
        }
    }
}
