//! `WakeList`: tasks to wake when no lock is held.
//!
//! # Invariants
//! - AFTER-UNLOCK: a waker may run foreign code, and so may the drop of a value. Both are put aside
//!   under a lock, and called or dropped after the lock is released.
//! - ALL-WOKEN: a waker that panics keeps no other task asleep. The list wakes the others while the
//!   panic unwinds.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

/// Wakers in the order in which they are called. The drop of a list calls the wakers that are left.
#[derive(Debug, Default)]
#[must_use = "its drop wakes, perhaps under a lock: call `wake_all` without one"]
pub(crate) struct WakeList {
    /// Most lists have at most one waker, which needs no allocation.
    first: Option<Waker>,
    rest: VecDeque<Waker>,
}

impl WakeList {
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(waker);
        } else {
            self.rest.push_back(waker);
        }
    }

    /// Moves the wakers of another list behind those of this one.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.extend(std::iter::from_fn(|| other.pop()));
    }

    /// Calls all of them. No lock may be held (AFTER-UNLOCK).
    pub(crate) fn wake_all(mut self) {
        self.wake_rest();
    }

    fn wake_rest(&mut self) {
        while let Some(waker) = self.pop() {
            wake(waker);
        }
    }

    fn pop(&mut self) -> Option<Waker> {
        self.first.take().or_else(|| self.rest.pop_front())
    }
}

impl Drop for WakeList {
    /// Calls the wakers that are left, also during a panic (ALL-WOKEN).
    fn drop(&mut self) {
        self.wake_rest();
    }
}

impl Extend<Waker> for WakeList {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}

impl FromIterator<Waker> for WakeList {
    fn from_iter<I: IntoIterator<Item = Waker>>(wakers: I) -> Self {
        let mut list = Self::default();
        list.extend(wakers);
        list
    }
}

/// Calls one waker. Its panic goes on, except during another panic: a second one would abort the
/// process.
pub(crate) fn wake(waker: Waker) {
    if std::thread::panicking() {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    } else {
        waker.wake();
    }
}

/// Runs code that wakes tasks, for a timer that must go on when a waker panics. The panic hook has
/// reported the panic; no other code needs to know it.
pub(crate) fn contain<R>(wakes: impl FnOnce() -> R) -> Option<R> {
    // ALL-WOKEN. And AFTER-UNLOCK: the state that the wakers belong to is whole.
    catch_unwind(AssertUnwindSafe(wakes)).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        task::Wake,
    };

    use super::*;

    type Log = Arc<Mutex<Vec<usize>>>;

    struct Logs(usize, Log, bool);

    impl Wake for Logs {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
            assert!(!self.2, "a waker that panics");
        }
    }

    /// A list of `count` wakers, some of which panic, and the log of the wakers that were called.
    fn list(count: usize, panics: &[usize]) -> (WakeList, Log) {
        let log = Log::default();
        let waker = |at| Waker::from(Arc::new(Logs(at, Arc::clone(&log), panics.contains(&at))));
        ((0..count).map(waker).collect(), log)
    }

    #[test]
    fn all_are_woken_in_their_order() {
        for count in 0..5 {
            let (list, log) = list(count, &[]);
            list.wake_all();
            assert_eq!(*log.lock().unwrap(), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn wakers_that_panic_keep_no_other_asleep() {
        for panics in [&[0][..], &[3], &[0, 1, 4], &[0, 1, 2, 3, 4]] {
            let (list, log) = list(5, panics);
            assert!(catch_unwind(AssertUnwindSafe(|| list.wake_all())).is_err());
            assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3, 4], "{panics:?} panic");
        }
    }

    #[test]
    fn a_list_that_is_dropped_wakes_what_is_left_and_appended() {
        let ((mut list, log), (mut other, of_other)) = (list(2, &[]), list(2, &[1]));
        list.append(&mut other);
        drop(other);
        assert_eq!(of_other.lock().unwrap().len(), 0, "its wakers are in the first list");
        assert!(catch_unwind(AssertUnwindSafe(|| drop(list))).is_err());
        assert_eq!((log.lock().unwrap().len(), of_other.lock().unwrap().len()), (2, 2));
    }
}
