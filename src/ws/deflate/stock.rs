//! `Stock`: the machines of a set that nobody holds, and who waits for one.

use std::{collections::VecDeque, mem, task::Waker, time::Duration};

use tokio::time::Instant;

use crate::util::WakeList;

/// How long a machine is kept for a socket that was to go on at once. A task that is ready waits
/// for its turn well under this, unless the runtime is in trouble.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// BOUNDED, IN-LINE and NO-HOARD are its.
#[derive(Debug)]
pub(super) struct Stock<M> {
    most: usize,
    count: usize,
    idle: Vec<M>,
    shelf: Vec<Shelved<M>>,
    line: VecDeque<Waiting>,
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

#[derive(Debug)]
pub(super) struct Waiting {
    ticket: u64,
    waker: Waker,
}

/// What somebody gets who did not wait.
pub(super) enum Found<M> {
    /// As its owner left it.
    Begun(M),
    Other(M),
    /// One is to be made, in place of the machine here if there is one.
    Vacancy(Option<M>),
}

impl<M> Found<M> {
    pub(super) fn into_machine(self) -> Option<M> {
        match self {
            Self::Begun(machine) | Self::Other(machine) => Some(machine),
            Self::Vacancy(replaced) => replaced,
        }
    }
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

    /// A machine for somebody who has no place in the line.
    pub(super) fn find(&mut self, now: Instant, fits: impl Fn(&M) -> bool) -> Option<Found<M>> {
        if !self.line.is_empty() {
            return None;
        }
        if let Some(index) = self.idle.iter().rposition(&fits) {
            return Some(Found::Other(self.idle.swap_remove(index)));
        }
        if self.count < self.most {
            self.count += 1;
            return Some(Found::Vacancy(None));
        }
        let machine = self.take_free(now)?;
        Some(if fits(&machine) { Found::Other(machine) } else { Found::Vacancy(Some(machine)) })
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
            && let Some(Waiting { ticket, waker }) = self.line.pop_front()
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
        Some(if is_begun { Found::Begun(machine) } else { Found::Other(machine) })
    }

    /// Puts this waker at the end of the line; returns its ticket.
    pub(super) fn queue(&mut self, waker: Waker) -> u64 {
        let ticket = self.next_ticket();
        self.line.push_back(Waiting { ticket, waker });
        ticket
    }

    /// How many wait before the one with this ticket; none if it does not wait.
    pub(super) fn position(&self, ticket: u64) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    /// Swaps the waker of who waits there.
    pub(super) fn swap_waker(&mut self, position: usize, waker: &mut Waker) {
        mem::swap(&mut self.line[position].waker, waker);
    }

    /// Gives up what this ticket is for. What is returned holds a waker: it is dropped once nothing
    /// is locked.
    pub(super) fn give_up(&mut self, ticket: u64) -> Option<Waiting> {
        if let Some(machine) = self.collect(ticket).and_then(Found::into_machine) {
            self.give_back(machine);
        }
        self.position(ticket).and_then(|index| self.line.remove(index))
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
