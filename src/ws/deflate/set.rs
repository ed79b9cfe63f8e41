//! `Set`: a bounded number of machines of one kind, for all sockets.
//!
//! A machine works on one message. Where the message needs more than one poll, its socket leaves the machine here in between, so that it is
//! lost to nobody if that poll does not come: who takes it then has a message to himself, and the other one begins anew.
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
//! # Invariants
//! - BOUNDED: idle, on the shelf and held, there are `count` machines, at most `most`.
//! - IN-LINE: while somebody waits, no machine is idle, and who comes later waits behind.
//! - NO-HOARD: what is on the shelf is kept for its ticket until its time, and not longer if it is needed.

use std::{
    collections::VecDeque,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use crate::sync::{Mutex, Sleep, wake};

/// How long a machine is kept for a socket that was to go on at once. A task that is ready waits for its turn well under this, unless the
/// runtime is in trouble.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes on the heap that a machine costs here: places in the lists, of which the shortest have four.
pub(super) const PLACE_LEN: usize = 1 << 10;

#[derive(Debug)]
pub(super) struct Set<M> {
    most: usize,
    state: Mutex<State<M>>,
}

#[derive(Debug)]
struct State<M> {
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
struct Waiting {
    ticket: u64,
    waker: Waker,
}

/// A machine in hand; goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Held<M> {
    set: Arc<Set<M>>,
    /// None once it is left.
    machine: Option<M>,
}

/// What a message has in the set: a machine that it left there, a place in the line, or nothing.
pub(super) struct Place<M> {
    set: Arc<Set<M>>,
    ticket: Option<u64>,
    /// When it is time to look for machines that nobody came back for.
    patience: Option<Sleep>,
}

/// What a place came to.
#[derive(Debug)]
pub(super) enum Taken<M> {
    /// The machine as it was left.
    Begun(Held<M>),
    /// One that knows nothing of the message.
    Other(Held<M>),
}

/// What somebody gets who need not wait.
enum Found<M> {
    /// As its owner left it.
    Begun(M),
    Other(M),
    /// One is to be made, in place of the machine here if there is one.
    Vacancy(Option<M>),
}

/// When a machine that is left may be taken by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Its socket comes back at once.
    Briefly,
    /// Its socket waits for something else: it is there for whoever needs it.
    WhileIdle,
}

impl<M> Set<M> {
    pub(super) fn new(most: usize) -> Self {
        let state = State { count: 0, idle: Vec::new(), shelf: Vec::new(), line: VecDeque::new(), tickets: 0 };
        Self { most, state: Mutex::new(state) }
    }

    /// Takes a machine that `fits`, if one is to be had at once; makes it if need be.
    pub(super) fn try_take(self: &Arc<Self>, fits: impl Fn(&M) -> bool, make: impl FnOnce() -> M) -> Option<Held<M>> {
        let found = self.change(|state, now| state.find(now, self.most, fits))?;
        Some(self.hold(found, make))
    }

    fn hold(self: &Arc<Self>, found: Found<M>, make: impl FnOnce() -> M) -> Held<M> {
        let machine = match found {
            Found::Begun(machine) | Found::Other(machine) => machine,
            Found::Vacancy(replaced) => {
                drop(replaced);
                make()
            }
        };
        Held { set: self.clone(), machine: Some(machine) }
    }

    /// Changes the state, serves who waits, and wakes whom it has served.
    fn change<R>(&self, change: impl FnOnce(&mut State<M>, Instant) -> R) -> R {
        let now = Instant::now();
        let (changed, woken) = {
            let mut state = self.state.lock();
            let changed = change(&mut state, now);
            (changed, state.serve(now))
        };
        woken.into_iter().for_each(wake);
        changed
    }
}

impl<M> State<M> {
    fn find(&mut self, now: Instant, most: usize, fits: impl Fn(&M) -> bool) -> Option<Found<M>> {
        if !self.line.is_empty() {
            return None;
        }
        if let Some(index) = self.idle.iter().rposition(&fits) {
            return Some(Found::Other(self.idle.swap_remove(index)));
        }
        if self.count < most {
            self.count += 1;
            return Some(Found::Vacancy(None));
        }
        let machine = self.idle.pop().or_else(|| self.take_late(now))?;
        Some(if fits(&machine) { Found::Other(machine) } else { Found::Vacancy(Some(machine)) })
    }

    /// A machine from the shelf whose time has passed.
    fn take_late(&mut self, now: Instant) -> Option<M> {
        let index = self.shelf.iter().position(|shelved| shelved.until <= now)?;
        Some(self.shelf.swap_remove(index).machine)
    }

    /// Grants what is free to those who wait, in their order: each has some time to come for it.
    fn serve(&mut self, now: Instant) -> Vec<Waker> {
        let mut woken = Vec::new();
        while !self.line.is_empty()
            && let Some(machine) = self.idle.pop().or_else(|| self.take_late(now))
            && let Some(Waiting { ticket, waker }) = self.line.pop_front()
        {
            self.shelf.push(Shelved { ticket, machine, until: now + PATIENCE, is_begun: false });
            woken.push(waker);
        }
        woken
    }

    fn shelved(&mut self, ticket: u64) -> Option<Shelved<M>> {
        let index = self.shelf.iter().position(|shelved| shelved.ticket == ticket)?;
        Some(self.shelf.swap_remove(index))
    }

    /// How many wait before the one with this ticket; none if it does not wait.
    fn position(&self, ticket: u64) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The machine on the shelf that this ticket is for.
    fn collect(&mut self, ticket: u64) -> Option<Found<M>> {
        let Shelved { machine, is_begun, .. } = self.shelved(ticket)?;
        Some(if is_begun { Found::Begun(machine) } else { Found::Other(machine) })
    }
}

impl<M> Place<M> {
    pub(super) fn new(set: Arc<Set<M>>) -> Self {
        Self { set, ticket: None, patience: None }
    }

    /// Takes the machine that was left, if it is still there.
    pub(super) fn take_left(&mut self) -> Option<Held<M>> {
        let ticket = self.ticket.take()?;
        let shelved = self.set.state.lock().shelved(ticket)?;
        Some(Held { set: self.set.clone(), machine: Some(shelved.machine) })
    }

    /// Takes the machine that was left, or any other one in its turn; makes it if need be.
    ///
    /// # Cancel safety
    /// Cancel safe; who is not polled when it is his turn gives it up after a while, and stands behind the others when he is polled again.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>, make: impl FnOnce() -> M) -> Poll<Taken<M>> {
        let found = loop {
            let before = match self.find(cx.waker()) {
                Ok(found) => break found,
                Err(before) => before,
            };
            // One looks after another, so that it is no crowd that wakes each time.
            let times = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
            let patience = self.patience.get_or_insert_with(|| Sleep::new(PATIENCE.saturating_mul(times)));
            if patience.poll_passed(cx).is_pending() {
                return Poll::Pending;
            }
            self.patience = None;
        };
        (self.ticket, self.patience) = (None, None);
        let is_begun = matches!(found, Found::Begun(_));
        let held = self.set.hold(found, make);
        Poll::Ready(if is_begun { Taken::Begun(held) } else { Taken::Other(held) })
    }

    /// What is to be had at once, or how many wait before this place.
    fn find(&mut self, waker: &Waker) -> Result<Found<M>, usize> {
        // Wakers are other people's code: the old one is dropped once nothing is locked.
        let mut waker = waker.clone();
        // First, so that what is late is served in order.
        self.set.change(|_, _| ());
        let (most, ticket) = (self.set.most, &mut self.ticket);
        self.set.change(|state, now| {
            if let Some(own) = *ticket {
                if let Some(found) = state.collect(own) {
                    return Ok(found);
                }
                if let Some(before) = state.position(own) {
                    std::mem::swap(&mut state.line[before].waker, &mut waker);
                    return Err(before);
                }
            }
            state.find(now, most, |_| true).ok_or_else(|| {
                let own = state.next_ticket();
                *ticket = Some(own);
                let waker = std::mem::replace(&mut waker, Waker::noop().clone());
                state.line.push_back(Waiting { ticket: own, waker });
                state.line.len() - 1
            })
        })
    }

    /// Leaves a machine in the middle of a message.
    pub(super) fn leave(&mut self, mut held: Held<M>, kept: Kept) {
        let Some(machine) = held.machine.take() else { return };
        self.ticket = Some(self.set.change(|state, now| {
            let until = match kept {
                Kept::Briefly => now + PATIENCE,
                Kept::WhileIdle => now,
            };
            let ticket = state.next_ticket();
            state.shelf.push(Shelved { ticket, machine, until, is_begun: true });
            ticket
        }));
    }
}

impl<M> Drop for Place<M> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let waiting = self.set.change(|state, _| {
            if let Some(shelved) = state.shelved(ticket) {
                state.idle.push(shelved.machine);
            }
            state.position(ticket).and_then(|index| state.line.remove(index))
        });
        drop(waiting);
    }
}

impl<M> fmt::Debug for Place<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl<M> Drop for Held<M> {
    fn drop(&mut self) {
        if let Some(machine) = self.machine.take() {
            self.set.change(|state, _| state.idle.push(machine));
        }
    }
}

impl<M> Deref for Held<M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.machine.as_ref().expect("a machine is in hand until it is left")
    }
}

impl<M> DerefMut for Held<M> {
    fn deref_mut(&mut self) -> &mut M {
        self.machine.as_mut().expect("a machine is in hand until it is left")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::Wake,
    };

    use super::*;

    /// Machines are numbers, which say in what order they were made.
    fn set(most: usize) -> (Arc<Set<usize>>, impl Fn() -> usize + Copy) {
        let made = Box::leak(Box::new(AtomicUsize::new(0)));
        (Arc::new(Set::new(most)), || made.fetch_add(1, Relaxed))
    }

    async fn take(place: &mut Place<usize>, make: impl Fn() -> usize) -> Taken<usize> {
        poll_fn(|cx| place.poll_take(cx, &make)).await
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// One poll, by a task of its own: what it took, and how often it was woken since.
    fn poll(place: &mut Place<usize>, make: impl Fn() -> usize) -> (Option<Taken<usize>>, Arc<Wakes>) {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        match place.poll_take(&mut Context::from_waker(&waker), make) {
            Poll::Ready(taken) => (Some(taken), wakes),
            Poll::Pending => (None, wakes),
        }
    }

    /// All machines are idle again, and nobody waits.
    fn assert_quiet(set: &Set<usize>) {
        let state = set.state.lock();
        assert_eq!((state.idle.len(), state.shelf.len(), state.line.len()), (state.count, 0, 0));
    }

    fn other(taken: Option<Taken<usize>>) -> Held<usize> {
        match taken {
            Some(Taken::Other(held)) => held,
            taken => panic!("{taken:?}"),
        }
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
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_does_not_fit_makes_way_for_one_that_does() {
        let (set, make) = set(1);
        drop(set.try_take(|_| true, make));
        assert_eq!(set.try_take(|&machine| machine == 1, make).as_deref(), Some(&1));
        assert_eq!(set.try_take(|&machine| machine == 1, make).as_deref(), Some(&1));
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_in_order_and_nobody_passes() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let (mut first, mut second) = (Place::new(set.clone()), Place::new(set.clone()));
        let (none, first_wakes) = poll(&mut first, make);
        assert!(none.is_none());
        let (none, second_wakes) = poll(&mut second, make);
        assert!(none.is_none());
        drop(held);
        assert_eq!((first_wakes.0.load(Relaxed), second_wakes.0.load(Relaxed)), (1, 0));
        assert!(set.try_take(|_| true, make).is_none(), "it is granted to the first");
        assert!(poll(&mut second, make).0.is_none());
        let held = other(poll(&mut first, make).0);
        drop(held);
        drop(other(poll(&mut second, make).0));
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_come_when_it_is_his_turn_gives_it_up() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let (mut absent, mut next) = (Place::new(set.clone()), Place::new(set.clone()));
        assert!(poll(&mut absent, make).0.is_none());
        let waiting = tokio::spawn(async move { *other(Some(take(&mut next, make).await)) });
        tokio::task::yield_now().await;
        drop(held);
        let begun = Instant::now();
        assert_eq!(waiting.await.expect("it ends"), 0);
        assert!(begun.elapsed() <= 3 * PATIENCE, "{:?}", begun.elapsed());
        drop(other(poll(&mut absent, make).0));
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_briefly_is_kept_and_then_taken_if_it_is_needed() {
        let (set, make) = set(1);
        let (mut owner, mut next) = (Place::new(set.clone()), Place::new(set.clone()));
        let held = other(poll(&mut owner, make).0);
        owner.leave(held, Kept::Briefly);
        assert!(set.try_take(|_| true, make).is_none());
        assert!(matches!(poll(&mut owner, make).0, Some(Taken::Begun(_))));
        let held = other(poll(&mut owner, make).0);
        owner.leave(held, Kept::Briefly);
        tokio::time::advance(2 * PATIENCE).await;
        let held = owner.take_left().expect("nobody needed it");
        owner.leave(held, Kept::Briefly);
        let begun = Instant::now();
        let held = other(Some(take(&mut next, make).await));
        assert!((PATIENCE..2 * PATIENCE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        assert!(owner.take_left().is_none());
        drop(held);
        drop(other(poll(&mut owner, make).0));
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_while_its_owner_waits_is_there_for_anybody() {
        let (set, make) = set(1);
        let (mut owner, mut next) = (Place::new(set.clone()), Place::new(set.clone()));
        let held = other(poll(&mut owner, make).0);
        assert!(poll(&mut next, make).0.is_none());
        owner.leave(held, Kept::WhileIdle);
        let held = other(poll(&mut next, make).0);
        assert!(poll(&mut owner, make).0.is_none(), "it is lost, and stands in line");
        next.leave(held, Kept::Briefly);
        drop(next);
        drop(other(poll(&mut owner, make).0));
        assert_quiet(&set);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_gone_passes_on_what_he_had() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let mut places: Vec<_> = (0..3).map(|_| Place::new(set.clone())).collect();
        places.iter_mut().for_each(|place| assert!(poll(place, make).0.is_none()));
        places.remove(1);
        drop(held);
        places.remove(0);
        drop(other(poll(&mut places[0], make).0));
        assert_quiet(&set);
    }
}
