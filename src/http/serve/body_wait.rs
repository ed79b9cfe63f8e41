//! `BodyWait`: the wait of a service for more of a request's body.
//!
//! It begins when the service asks, and ends when hyper has more, whether or not the service takes
//! it: a service that asks once and then computes is not waiting. So hyper is given a waker of the
//! server. That waker ends the wait, and wakes the waker that the service gave.
//!
//! # Invariants
//! - NEWEST: only the newest body can be waited for; HTTP/1 has read all of the older ones.
//! - HANDED-ON: the waker that is kept here is woken when hyper has more, and when the place goes
//!   to a newer body.

use std::task::Waker;

use super::client_wait::ClientWait;
use crate::{
    sync::Mutex,
    util::{Clock, Millis, wake_list::wake},
};

#[derive(Debug, Default)]
pub(super) struct BodyWait {
    /// Changed only while `asker` is locked.
    wait: ClientWait,
    asker: Mutex<Option<Asker>>,
}

/// The waker of the task that asked, and the number of the request whose body it asked for.
#[derive(Debug)]
struct Asker {
    number: u32,
    waker: Waker,
}

impl BodyWait {
    /// A task asks for more of the body of request `number`. Returns whether hyper must wake it
    /// through here; otherwise hyper must wake `waker` (NEWEST).
    pub(super) fn begin(&self, number: u32, waker: &Waker, clock: &Clock) -> bool {
        let mut asker = self.asker.lock();
        let before = match &*asker {
            Some(newer) if newer.number > number => return false,
            Some(same) if same.number == number && same.waker.will_wake(waker) => None,
            _ => asker.replace(Asker { number, waker: waker.clone() }),
        };
        let older = before.as_ref().filter(|before| before.number != number);
        if older.is_some() {
            self.wait.end();
        }
        self.wait.begin(clock);
        drop(asker);
        // HANDED-ON
        if let Some(older) = older {
            wake(older.waker.clone());
        }
        true
    }

    /// The task that asked for the body of request `number` has got it.
    pub(super) fn end(&self, number: u32) {
        let asker = self.asker.lock();
        if asker.as_ref().is_some_and(|asker| asker.number == number) {
            self.wait.end();
        }
    }

    /// No task will ask for more of the body of request `number`.
    pub(super) fn leave(&self, number: u32) {
        let left = {
            let mut asker = self.asker.lock();
            let left = asker.take_if(|asker| asker.number == number);
            if left.is_some() {
                self.wait.end();
            }
            left
        };
        drop(left); // dropped without the lock: a waker's drop may run any code
    }

    /// hyper has more of the body, or its end.
    pub(super) fn answer(&self) {
        let waker = {
            let asker = self.asker.lock();
            self.wait.end();
            asker.as_ref().map(|asker| asker.waker.clone())
        };
        waker.into_iter().for_each(wake);
    }

    /// When the wait began; never, if hyper has what the service asked for.
    pub(super) fn since(&self) -> Millis {
        self.wait.since()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// A waker, and how often it was woken.
    fn asker() -> (Waker, impl Fn() -> u32) {
        let woken = Arc::new(Woken::default());
        (Waker::from(Arc::clone(&woken)), move || woken.0.load(Relaxed))
    }

    #[test]
    fn a_wait_goes_on_while_it_is_asked_again_and_ends_with_the_answer() {
        let (wait, clock) = (BodyWait::default(), Clock::default());
        let ((first, first_woken), (second, second_woken)) = (asker(), asker());
        assert_eq!(wait.since(), Millis::NEVER);
        let since = clock.advance();
        assert!(wait.begin(1, &first, &clock));
        clock.advance();
        assert!(wait.begin(1, &second, &clock)); // in another task
        assert_eq!(wait.since(), since);
        wait.answer();
        assert_eq!((wait.since(), first_woken(), second_woken()), (Millis::NEVER, 0, 1));
        assert!(wait.begin(1, &second, &clock));
        assert_eq!(wait.since(), clock.now());
        wait.end(1);
        assert_eq!(wait.since(), Millis::NEVER);
    }

    #[test]
    fn a_newer_body_takes_the_place_and_wakes_who_had_it() {
        let (wait, clock) = (BodyWait::default(), Clock::default());
        let ((old, old_woken), (new, new_woken)) = (asker(), asker());
        assert!(wait.begin(1, &old, &clock));
        let since = clock.advance();
        assert!(wait.begin(2, &new, &clock));
        assert_eq!((wait.since(), old_woken(), new_woken()), (since, 1, 0));
        // The older body has lost its place.
        assert!(!wait.begin(1, &old, &clock));
        wait.end(1);
        wait.leave(1);
        assert_eq!(wait.since(), since);
        wait.answer();
        assert_eq!((wait.since(), old_woken(), new_woken()), (Millis::NEVER, 1, 1));
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let (wait, clock) = (BodyWait::default(), Clock::default());
        let (waker, woken) = asker();
        assert!(wait.begin(1, &waker, &clock));
        wait.leave(1);
        wait.answer();
        assert_eq!((wait.since(), woken()), (Millis::NEVER, 0));
    }
}
