//! `Waiters`: all tasks that wait at an outbox.

use super::{sender_queue::SenderQueue, watchers::Watchers};

/// Boxed, and allocated only while there are any: most outboxes have none.
#[derive(Debug, Default)]
pub(super) struct Waiters(Option<Box<(SenderQueue, Watchers)>>);

impl Waiters {
    /// The queue of senders, to join it.
    pub(super) fn line_mut(&mut self) -> &mut SenderQueue {
        &mut self.0.get_or_insert_default().0
    }

    /// The watchers, to join them.
    pub(super) fn watchers_mut(&mut self) -> &mut Watchers {
        &mut self.0.get_or_insert_default().1
    }

    /// Changes the waiters if there are any, and frees the box if there are none afterwards.
    pub(super) fn change<R>(
        &mut self,
        change: impl FnOnce(&mut SenderQueue, &mut Watchers) -> R,
    ) -> Option<R> {
        let (line, watchers) = &mut **self.0.as_mut()?;
        let result = change(line, watchers);
        if line.is_empty() && watchers.is_empty() {
            self.0 = None;
        }
        Some(result)
    }

    /// Whether a sender in the queue has not been granted room yet.
    pub(super) fn has_waiting(&self) -> bool {
        self.0.as_ref().is_some_and(|waiters| waiters.0.has_waiting())
    }

    /// Whether a task waits for a flush of items that are all below this number.
    pub(super) fn want_flush(&self, written: u64) -> bool {
        self.0.as_ref().is_some_and(|waiters| waiters.1.want_flush(written))
    }
}
