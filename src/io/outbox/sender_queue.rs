//! `SenderQueue`: the senders that wait for room, in order (IN-TURN).

use std::{collections::VecDeque, task::Waker};

/// Names a place in the queue of senders, or a watcher. Each is given out once.
pub(super) type Ticket = u64;

#[derive(Debug, Default)]
pub(super) struct SenderQueue {
    places: VecDeque<WaitingSender>,
}

#[derive(Debug)]
pub(super) struct WaitingSender {
    ticket: Ticket,
    pub(super) cost: usize,
    /// `None` when it was granted: then its cost is held for it, until it is collected or given up.
    waker: Option<Waker>,
}

impl WaitingSender {
    pub(super) fn is_granted(&self) -> bool {
        self.waker.is_none()
    }

    pub(super) fn into_waker(self) -> Option<Waker> {
        self.waker
    }
}

impl SenderQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.places.back().is_some_and(|place| !place.is_granted())
    }

    /// Tickets ascend.
    pub(super) fn join(&mut self, ticket: Ticket, cost: usize, waker: Option<Waker>) {
        debug_assert!(waker.is_some(), "a place that waits has a waker");
        self.places.push_back(WaitingSender { ticket, cost, waker });
    }

    /// Grants the first place that waits, if its cost is admitted. Its sender must be woken.
    pub(super) fn grant_next(
        &mut self,
        admit: impl FnOnce(usize) -> bool,
    ) -> Option<(usize, Waker)> {
        let index = self.places.partition_point(WaitingSender::is_granted);
        let place = self.places.get_mut(index).filter(|place| admit(place.cost))?;
        Some((place.cost, place.waker.take()?))
    }

    /// Collects the place if it was granted, and returns whether it was. If not, its waker is
    /// exchanged for this one.
    pub(super) fn collect(&mut self, ticket: Ticket, waker: &mut Option<Waker>) -> bool {
        let index = self
            .index_of(ticket)
            .expect("a place is queued until it is collected, left, or the outbox closed");
        let place = &mut self.places[index];
        if place.is_granted() {
            self.places.remove(index);
            return true;
        }
        std::mem::swap(&mut place.waker, waker);
        false
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<WaitingSender> {
        let index = self.index_of(ticket)?;
        self.places.remove(index)
    }

    pub(super) fn leave_all(&mut self) -> impl Iterator<Item = WaitingSender> + '_ {
        self.places.drain(..)
    }

    fn index_of(&self, ticket: Ticket) -> Option<usize> {
        self.places.binary_search_by_key(&ticket, |place| place.ticket).ok()
    }
}
