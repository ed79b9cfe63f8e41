//! `Watchers`: the tasks that wait for an event of the outbox other than room.

use std::task::Waker;

use super::sender_queue::Ticket;

/// The event that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// All items with a lower number have left the transport.
    Flushed(u64),
    /// The outbox takes no more items.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Watchers {
    list: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    ticket: Ticket,
    until: Until,
    waker: Option<Waker>,
}

impl Watchers {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a task waits for a flush of items that are all below this number.
    pub(super) fn want_flush(&self, written: u64) -> bool {
        self.list
            .iter()
            .any(|watcher| matches!(watcher.until, Until::Flushed(upto) if upto <= written))
    }

    /// Exchanges the waker of a watcher for this one. The first time, it takes it.
    pub(super) fn watch(&mut self, ticket: Ticket, until: Until, waker: &mut Option<Waker>) {
        match self.list.iter_mut().find(|watcher| watcher.ticket == ticket) {
            Some(watcher) => std::mem::swap(&mut watcher.waker, waker),
            None => self.list.push(Watcher { ticket, until, waker: waker.take() }),
        }
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let index = self.list.iter().position(|watcher| watcher.ticket == ticket)?;
        self.list.swap_remove(index).waker
    }

    /// Takes out the watchers for which `is_met` is true.
    pub(super) fn take(
        &mut self,
        mut is_met: impl FnMut(Until) -> bool,
    ) -> impl Iterator<Item = Waker> {
        self.list
            .extract_if(.., move |watcher| is_met(watcher.until))
            .filter_map(|watcher| watcher.waker)
    }
}
