//! A line of those who wait: first come, first served, with bounded patience.
//!
//! # Invariants
//! - NO-FREEZE: a head that cannot be served is passed by at most [`PASSES`] others, then holds them back for at most [`HOLDS`]
//!   servings so that memory can gather for it, and so on in turn.

use std::collections::BTreeSet;

/// How many requests may pass a head that cannot be served before it holds them back.
const PASSES: u32 = 16;
/// For how many servings it does.
const HOLDS: u32 = 16;

/// A place in the queue; lower ones are older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(pub(super) u64);

/// Tickets in order, and how patient they are with their head.
pub(super) struct Line {
    pub(super) tickets: BTreeSet<Ticket>,
    pub(super) passes_left: u32,
    holds_left: u32,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { tickets: BTreeSet::new(), passes_left: PASSES, holds_left: HOLDS }
    }

    /// Takes a ticket out; a new head starts with all its patience.
    pub(super) fn remove(&mut self, ticket: Ticket) {
        if self.tickets.first() == Some(&ticket) {
            self.passes_left = PASSES;
            self.holds_left = HOLDS;
        }
        self.tickets.remove(&ticket);
    }

    /// A serving counts against the time that the head holds the others back.
    pub(super) fn begin_serving(&mut self) {
        if self.passes_left == 0 {
            self.holds_left -= 1;
            if self.holds_left == 0 {
                self.passes_left = PASSES;
                self.holds_left = HOLDS;
            }
        }
    }

    /// Whether there is nobody to pass, or its head is patient still.
    pub(super) fn may_pass(&self) -> bool {
        self.tickets.is_empty() || self.passes_left > 0
    }

    pub(super) fn pass(&mut self) {
        if !self.tickets.is_empty() {
            self.passes_left = self.passes_left.saturating_sub(1);
        }
    }
}
