//! `Done`: what one serving of the queue leaves to be done.

use super::{entry::Entry, granter::Granter};
use crate::util::WakeList;

/// What must happen after the queue is unlocked: a waker, and the drop of a grant, may run foreign
/// code.
#[must_use]
pub(in crate::pool) struct Done<G: Granter> {
    pub(super) wakers: WakeList,
    pub(super) grants: Vec<G::Grant>,
    pub(super) entries: Vec<Entry<G>>,
    /// A request began to wait for the pool.
    pub(super) raised: bool,
}

impl<G: Granter> Done<G> {
    pub(super) fn new() -> Self {
        Self { wakers: WakeList::default(), grants: Vec::new(), entries: Vec::new(), raised: false }
    }

    pub(super) fn join(&mut self, mut other: Done<G>) {
        self.wakers.append(&mut other.wakers);
        self.grants.append(&mut other.grants);
        self.entries.append(&mut other.entries);
        self.raised |= other.raised;
    }

    /// Whether a request began to wait for the pool.
    pub(in crate::pool) fn is_raised(&self) -> bool {
        self.raised
    }

    /// Calls the wakers and drops the grants. Call it without any lock.
    pub(in crate::pool) fn finish(self) {
        self.wakers.wake_all();
    }
}
