//! `Stock`: the machines of a set that nobody holds, and who waits for one.

use std::{collections::VecDeque, task::Waker, time::Duration};

use tokio::time::Instant;

use crate::util::WakeList;

/// How long a machine is kept for a socket that was to go on at once. A task that is ready waits
/// for its turn well under this, unless the runtime is in trouble.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// BOUNDED, NO-OVERTAKING and NO-HOARD are its.
#[derive(Debug)]
pub(super) struct Stock<M> {
    most: usize,
    count: usize,
    idle: Vec<M>,
    shelf: Vec<Shelved<M>>,
    /// The tickets that wait, in order.
    line: VecDeque<(u64, Waker)>,
    tickets: u64,
}

#[derive(Debug)]
struct Shelved<M> {
    ticket: u64,
    machine: M,
    until: Instant,
    /// In the middle of the message of who has the ticket.
    is_begun: bool,
}

/// A machine that is to be had. If there is none, or it does not fit, one is made in its place.
pub(super) struct Found<M> {
    pub(super) machine: Option<M>,
    /// As its owner left it.
    pub(super) is_begun: bool,
}

impl<M> Stock<M> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            count: 0,
            idle: Vec::new(),
            shelf: Vec::new(),
            line: VecDeque::new(),
            tickets: 0,
        }
    }

    /// A machine for a message that has no place in the line; one that `fits`, if it is idle.
    pub(super) fn find(&mut self, now: Instant, fits: impl Fn(&M) -> bool) -> Option<Found<M>> {
        if !self.line.is_empty() {
            return None;
        }
        let machine = match self.idle.iter().rposition(fits) {
            Some(index) => Some(self.idle.swap_remove(index)),
            None if self.count < self.most => {
                self.count += 1;
                None
            }
            None => Some(self.take_free(now)?),
        };
        Some(Found { machine, is_begun: false })
    }

    /// An idle machine, or one from the shelf whose time has passed.
    fn take_free(&mut self, now: Instant) -> Option<M> {
        self.idle.pop().or_else(|| {
            let index = self.shelf.iter().position(|shelved| shelved.until <= now)?;
            Some(self.shelf.swap_remove(index).machine)
        })
    }

    /// Grants what is free to those who wait, in their order: each has some time to come for it.
    pub(super) fn serve(&mut self, now: Instant) -> WakeList {
        let mut woken = WakeList::default();
        while !self.line.is_empty()
            && let Some(machine) = self.take_free(now)
            && let Some((ticket, waker)) = self.line.pop_front()
        {
            self.shelf.push(Shelved { ticket, machine, until: now + PATIENCE, is_begun: false });
            woken.push(waker);
        }
        woken
    }

    pub(super) fn give_back(&mut self, machine: M) {
        self.idle.push(machine);
    }

    /// Puts a machine on the shelf that is in the middle of a message; returns the ticket that it
    /// is kept for.
    pub(super) fn leave(&mut self, machine: M, until: Instant) -> u64 {
        let ticket = self.next_ticket();
        self.shelf.push(Shelved { ticket, machine, until, is_begun: true });
        ticket
    }

    /// The machine on the shelf that this ticket is for.
    pub(super) fn collect(&mut self, ticket: u64) -> Option<Found<M>> {
        let index = self.shelf.iter().position(|shelved| shelved.ticket == ticket)?;
        let Shelved { machine, is_begun, .. } = self.shelf.swap_remove(index);
        Some(Found { machine: Some(machine), is_begun })
    }

    /// Puts a waker at the end of the line; returns its ticket, and how many wait before it.
    pub(super) fn queue(&mut self, waker: Waker) -> (u64, usize) {
        let (ticket, before) = (self.next_ticket(), self.line.len());
        self.line.push_back((ticket, waker));
        (ticket, before)
    }

    /// Swaps the waker of a ticket that waits; returns how many wait before it.
    pub(super) fn swap_waker(&mut self, ticket: u64, waker: &mut Waker) -> Option<usize> {
        let index = self.position(ticket)?;
        std::mem::swap(&mut self.line[index].1, waker);
        Some(index)
    }

    /// Gives up what this ticket is for. The waker is to be dropped without a lock.
    pub(super) fn give_up(&mut self, ticket: u64) -> Option<Waker> {
        if let Some(machine) = self.collect(ticket).and_then(|found| found.machine) {
            self.give_back(machine);
        }
        let index = self.position(ticket)?;
        self.line.remove(index).map(|(_, waker)| waker)
    }

    fn position(&self, ticket: u64) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |waiting| waiting.0).ok()
    }

    fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// All machines are idle, and nobody waits.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        (self.idle.len(), self.shelf.len(), self.line.len()) == (self.count, 0, 0)
    }
}
