//! `Served`: what one serving of the queue comes to.

use super::{entry::Entry, granter::Granter};
use crate::util::{AfterUnlock, WakeList};

/// What must happen after the queue is unlocked: a waker, and the drop of a grant, may run foreign
/// code.
#[must_use]
pub(in crate::pool) struct Served<G: Granter> {
    pub(super) after: AfterUnlock<Dropped<G>>,
    /// A request began to wait for the pool.
    pub(super) raised: bool,
}

/// What the queue let go of.
pub(super) struct Dropped<G: Granter> {
    pub(super) grants: Vec<G::Grant>,
    pub(super) entries: Vec<Entry<G>>,
}

impl<G: Granter> Served<G> {
    pub(super) fn new() -> Self {
        let dropped = Dropped { grants: Vec::new(), entries: Vec::new() };
        Self { after: AfterUnlock { dropped, wakers: WakeList::default() }, raised: false }
    }

    pub(super) fn join(&mut self, mut other: Served<G>) {
        let (after, others) = (&mut self.after, &mut other.after);
        after.wakers.append(&mut others.wakers);
        after.dropped.grants.append(&mut others.dropped.grants);
        after.dropped.entries.append(&mut others.dropped.entries);
        self.raised |= other.raised;
    }

    /// Whether a request began to wait for the pool.
    pub(in crate::pool) fn is_raised(&self) -> bool {
        self.raised
    }

    /// Drops what the queue let go of, and wakes. The caller must hold no lock.
    pub(in crate::pool) fn finish(self) {
        self.after.finish();
    }
}
