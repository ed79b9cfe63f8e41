//! `Done`: what must happen after an outbox is unlocked.

use std::{collections::VecDeque, task::Waker};

use super::item::Item;
use crate::util::WakeList;

/// Wakers to call and items to let go of: either may run anybody's code (AFTER-LOCK).
#[derive(Debug, Default)]
#[must_use = "call `finish` without the lock"]
pub(super) struct Done {
    /// The writer's first, and then those of senders, in the order of their turns.
    pub(super) wakers: WakeList,
    /// One that is only to be dropped.
    pub(super) old: Option<Waker>,
    pub(super) items: VecDeque<Item>,
}

impl Done {
    pub(super) fn finish(self) {
        self.wakers.wake_all();
    }
}
