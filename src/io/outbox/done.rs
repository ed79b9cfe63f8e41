//! `Done`: what must happen after an outbox is unlocked.

use std::{collections::VecDeque, task::Waker};

use super::item::Item;
use crate::sync::wake;

/// Wakers to call and items to let go of: either may run anybody's code (AFTER-LOCK).
#[derive(Debug, Default)]
#[must_use = "call `finish` without the lock"]
pub(super) struct Done {
    /// The writer's, apart: it is the only one in most sends, and needs no allocation here.
    pub(super) writer: Option<Waker>,
    /// In the order of their turns.
    pub(super) wakers: VecDeque<Waker>,
    /// One that is only to be dropped.
    pub(super) old: Option<Waker>,
    pub(super) items: VecDeque<Item>,
}

impl Done {
    pub(super) fn finish(mut self) {
        self.wake_all();
    }

    fn wake_all(&mut self) {
        while let Some(waker) = self.writer.take().or_else(|| self.wakers.pop_front()) {
            wake(waker);
        }
    }
}

impl Drop for Done {
    /// A waker that panics does not keep the others asleep.
    fn drop(&mut self) {
        self.wake_all();
    }
}
