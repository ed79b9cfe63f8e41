//! `CompressorSlot`: what one message has in a set.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    set::{Held, Set},
    stock::{Found, PATIENCE},
};
use crate::sync::Sleep;

/// A machine that a message left in its set, a place in the line, or nothing.
pub(super) struct CompressorSlot<M> {
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

/// When a machine that is left may be taken by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Its socket comes back at once.
    Briefly,
    /// Its socket waits for something else: others may take the machine.
    WhileIdle,
}

impl<M> CompressorSlot<M> {
    pub(super) fn new(set: Arc<Set<M>>) -> Self {
        Self { set, ticket: None, patience: None }
    }

    /// Takes the machine that was left, if it is still there.
    pub(super) fn take_left(&mut self) -> Option<Held<M>> {
        let ticket = self.ticket.take()?;
        let machine = self.set.change(|stock, _| stock.collect(ticket))?.machine?;
        Some(Held::new(self.set.clone(), machine))
    }

    /// Takes the machine that was left, or any other one in its turn; makes it if need be.
    ///
    /// # Cancel safety
    /// Cancel safe; who is not polled when it is his turn gives it up after a while, and stands
    /// behind the others when he is polled again.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub(super) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        make: impl FnOnce() -> M,
    ) -> Poll<Taken<M>> {
        let found = loop {
            let before = match self.find(cx.waker()) {
                Ok(found) => break found,
                Err(before) => before,
            };
            // One looks after another, so that it is no crowd that wakes each time.
            let times = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
            let patience =
                self.patience.get_or_insert_with(|| Sleep::new(PATIENCE.saturating_mul(times)));
            if patience.poll_passed(cx).is_pending() {
                return Poll::Pending;
            }
            self.patience = None;
        };
        (self.ticket, self.patience) = (None, None);
        let held = Held::new(self.set.clone(), found.machine.unwrap_or_else(make));
        Poll::Ready(if found.is_begun { Taken::Begun(held) } else { Taken::Other(held) })
    }

    /// What is to be had at once, or how many wait before this place.
    fn find(&mut self, waker: &Waker) -> Result<Found<M>, usize> {
        let mut waker = waker.clone(); // the one it replaces is dropped here (AFTER-UNLOCK)
        // First, so that what is late is served in order.
        self.set.change(|_, _| ());
        let ticket = &mut self.ticket;
        self.set.change(|stock, now| {
            if let Some(own) = *ticket {
                if let Some(found) = stock.collect(own) {
                    return Ok(found);
                }
                if let Some(before) = stock.swap_waker(own, &mut waker) {
                    return Err(before);
                }
            }
            stock.find(now, |_| true).ok_or_else(|| {
                let (own, before) = stock.queue(waker.clone());
                *ticket = Some(own);
                before
            })
        })
    }

    /// Leaves a machine in the middle of a message.
    pub(super) fn leave(&mut self, held: Held<M>, kept: Kept) {
        let machine = held.into_machine();
        self.ticket = Some(self.set.change(|stock, now| {
            let until = match kept {
                Kept::Briefly => now + PATIENCE,
                Kept::WhileIdle => now,
            };
            stock.leave(machine, until)
        }));
    }
}

impl<M> Drop for CompressorSlot<M> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let waker = self.set.change(|stock, _| stock.give_up(ticket));
        drop(waker);
    }
}

impl<M> fmt::Debug for CompressorSlot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressorSlot").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::Wake,
    };

    use tokio::time::Instant;

    use super::*;
    use crate::ws::deflate::set::tests::set;

    async fn take(place: &mut CompressorSlot<usize>, make: impl Fn() -> usize) -> Taken<usize> {
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
    fn poll(
        place: &mut CompressorSlot<usize>,
        make: impl Fn() -> usize,
    ) -> (Option<Taken<usize>>, Arc<Wakes>) {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        match place.poll_take(&mut Context::from_waker(&waker), make) {
            Poll::Ready(taken) => (Some(taken), wakes),
            Poll::Pending => (None, wakes),
        }
    }

    fn other(taken: Option<Taken<usize>>) -> Held<usize> {
        match taken {
            Some(Taken::Other(held)) => held,
            taken => panic!("{taken:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_in_order_and_nobody_passes() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let (mut first, mut second) =
            (CompressorSlot::new(set.clone()), CompressorSlot::new(set.clone()));
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
        assert!(set.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_come_when_it_is_his_turn_gives_it_up() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let (mut absent, mut next) =
            (CompressorSlot::new(set.clone()), CompressorSlot::new(set.clone()));
        assert!(poll(&mut absent, make).0.is_none());
        let waiting = tokio::spawn(async move { *other(Some(take(&mut next, make).await)) });
        tokio::task::yield_now().await;
        drop(held);
        let begun = Instant::now();
        assert_eq!(waiting.await.expect("it ends"), 0);
        assert!(begun.elapsed() <= 3 * PATIENCE, "{:?}", begun.elapsed());
        drop(other(poll(&mut absent, make).0));
        assert!(set.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_briefly_is_kept_and_then_taken_if_it_is_needed() {
        let (set, make) = set(1);
        let (mut owner, mut next) =
            (CompressorSlot::new(set.clone()), CompressorSlot::new(set.clone()));
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
        assert!(set.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_while_its_owner_waits_is_there_for_anybody() {
        let (set, make) = set(1);
        let (mut owner, mut next) =
            (CompressorSlot::new(set.clone()), CompressorSlot::new(set.clone()));
        let held = other(poll(&mut owner, make).0);
        assert!(poll(&mut next, make).0.is_none());
        owner.leave(held, Kept::WhileIdle);
        let held = other(poll(&mut next, make).0);
        assert!(poll(&mut owner, make).0.is_none(), "it is lost, and stands in line");
        next.leave(held, Kept::Briefly);
        drop(next);
        drop(other(poll(&mut owner, make).0));
        assert!(set.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_gone_passes_on_what_he_had() {
        let (set, make) = set(1);
        let held = set.try_take(|_| true, make).expect("the only one");
        let mut places: Vec<_> = (0..3).map(|_| CompressorSlot::new(set.clone())).collect();
        places.iter_mut().for_each(|place| assert!(poll(place, make).0.is_none()));
        places.remove(1);
        drop(held);
        places.remove(0);
        drop(other(poll(&mut places[0], make).0));
        assert!(set.is_quiet());
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_waker_that_panics_keeps_nobody_else_in_line_asleep() {
        let (set, make) = set(2);
        let held: Vec<_> = (0..2).filter_map(|_| set.try_take(|_| true, make)).collect();
        let (mut broken, mut next) =
            (CompressorSlot::new(set.clone()), CompressorSlot::new(set.clone()));
        let waker = Waker::from(Arc::new(Panics));
        assert!(broken.poll_take(&mut Context::from_waker(&waker), make).is_pending());
        let (none, wakes) = poll(&mut next, make);
        assert!(none.is_none());
        // Both are served with one change.
        let woken = std::panic::AssertUnwindSafe(|| {
            set.change(|stock, _| {
                held.into_iter().for_each(|held| stock.give_back(held.into_machine()))
            });
        });
        assert!(std::panic::catch_unwind(woken).is_err());
        assert_eq!(wakes.0.load(Relaxed), 1);
        drop(other(poll(&mut next, make).0));
        drop(other(poll(&mut broken, make).0));
        assert!(set.is_quiet());
    }
}
