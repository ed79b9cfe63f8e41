//! `Set`: a bounded number of machines of one kind, for all sockets.
//!
//! A machine works on one message. Where the message needs more than one poll, its socket leaves
//! the machine here in between, so that it is lost to nobody if that poll does not come: who takes
//! it then has a message to himself, and the other one begins anew.
//!
//! ```text
//!            taken                   dropped
//!   idle ──────────▶ held, in a poll ──────────▶ idle, or granted to the next in line
//!                       │      ▲
//!                  left │      │ taken by who left it, or by who it is granted to
//!                       ▼      │
//!                      shelf ──┴── too late: granted to the next in line
//! ```
//!
//! The line is its own. A permit of tokio's `Semaphore` belongs to the first in line from the
//! moment it is given, polled or not, and cannot be taken back; a machine can, from its owner and
//! from the line alike (NO-HOARD). The pool's queue takes grants back, but serves requests of
//! several sizes under nested limits, which is more code to bind than this line has.
//!
//! # Invariants
//! - BOUNDED: idle, on the shelf and held, there are `count` machines, at most `most`.
//! - NO-OVERTAKING: while a message waits, no machine is idle, and a later message waits behind it.
//! - NO-HOARD: what is on the shelf is kept for its ticket until its time, and not longer if it is
//!   needed.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tokio::time::Instant;

use super::stock::Stock;
use crate::sync::Mutex;

/// Bytes on the heap that a machine costs here: places in the lists, of which the shortest have
/// four.
pub(super) const PLACE_LEN: usize = 1 << 10;

const IN_HAND: &str = "a machine is in hand until it is left";

#[derive(Debug)]
pub(super) struct Set<M>(Mutex<Stock<M>>);

/// A machine in hand; goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Held<M> {
    set: Arc<Set<M>>,
    /// None once it is left.
    machine: Option<M>,
}

impl<M> Set<M> {
    pub(super) fn new(most: usize) -> Self {
        Self(Mutex::new(Stock::new(most)))
    }

    /// Takes a machine that `fits`, if one is to be had at once; makes it if need be.
    pub(super) fn try_take(
        self: &Arc<Self>,
        fits: impl Fn(&M) -> bool,
        make: impl FnOnce() -> M,
    ) -> Option<Held<M>> {
        let found = self.change(|stock, now| stock.find(now, &fits))?;
        // One that does not fit is dropped before another is made.
        let machine = found.machine.filter(fits).unwrap_or_else(make);
        Some(Held::new(self.clone(), machine))
    }

    /// Changes the stock, serves the line, and wakes what was served.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Stock<M>, Instant) -> R) -> R {
        let now = Instant::now();
        let (changed, woken) = {
            let mut stock = self.0.lock();
            let changed = change(&mut stock, now);
            (changed, stock.serve(now))
        };
        woken.wake_all();
        changed
    }

    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.0.lock().is_quiet()
    }
}

impl<M> Held<M> {
    pub(super) fn new(set: Arc<Set<M>>, machine: M) -> Self {
        Self { set, machine: Some(machine) }
    }

    /// The machine itself, which is not to go back now.
    pub(super) fn into_machine(mut self) -> M {
        self.machine.take().expect(IN_HAND)
    }
}

impl<M> Drop for Held<M> {
    fn drop(&mut self) {
        if let Some(machine) = self.machine.take() {
            self.set.change(|stock, _| stock.give_back(machine));
        }
    }
}

impl<M> Deref for Held<M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.machine.as_ref().expect(IN_HAND)
    }
}

impl<M> DerefMut for Held<M> {
    fn deref_mut(&mut self) -> &mut M {
        self.machine.as_mut().expect(IN_HAND)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// Each test has a thread of its own.
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    /// Machines are numbers, which say in what order they were made.
    pub(in super::super) fn set(most: usize) -> (Arc<Set<usize>>, impl Fn() -> usize + Copy) {
        MADE.set(0);
        (Arc::new(Set::new(most)), || MADE.replace(MADE.get() + 1))
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_machines_are_made_than_may_be_and_idle_ones_are_taken_again() {
        let (set, make) = set(2);
        let one = set.try_take(|_| true, make).expect("the first");
        let two = set.try_take(|_| true, make).expect("the second");
        assert_eq!((*one, *two), (0, 1));
        assert!(set.try_take(|_| true, make).is_none());
        drop(one);
        assert_eq!(set.try_take(|_| true, make).as_deref(), Some(&0));
        drop(two);
        assert!(set.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_does_not_fit_makes_way_for_one_that_does() {
        let (set, make) = set(1);
        drop(set.try_take(|_| true, make));
        assert_eq!(set.try_take(|&machine| machine == 1, make).as_deref(), Some(&1));
        assert_eq!(set.try_take(|&machine| machine == 1, make).as_deref(), Some(&1));
        assert!(set.is_quiet());
    }
}
