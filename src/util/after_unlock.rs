//! `AfterUnlock`: what must happen once no lock is held.

use super::WakeList;

/// Wakers to call, and values to drop: either may run anybody's code (AFTER-UNLOCK). It is filled
/// under a lock.
///
/// Values are dropped first, so that a task finds what they held at home.
#[derive(Debug, Default)]
#[must_use = "its drop wakes, perhaps under a lock: call `finish` without one"]
pub(crate) struct AfterUnlock<D> {
    pub(crate) dropped: D,
    pub(crate) wakers: WakeList,
}

impl<D> AfterUnlock<D> {
    /// Drops and wakes. No lock may be held.
    pub(crate) fn finish(self) {
        // ALL-WOKEN: a drop that panics keeps no task asleep.
        let Self { dropped, wakers } = self;
        drop(dropped);
        wakers.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex},
        task::{Wake, Waker},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<&'static str>>>);

    impl Wake for Log {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().push("woken");
        }
    }

    struct Value(Log, bool);

    impl Drop for Value {
        fn drop(&mut self) {
            self.0.0.lock().unwrap().push("dropped");
            assert!(!self.1, "a drop that panics");
        }
    }

    fn finish(panics: bool) -> (bool, Vec<&'static str>) {
        let log = Log::default();
        let mut after =
            AfterUnlock { dropped: Value(log.clone(), panics), wakers: WakeList::default() };
        after.wakers.push(Waker::from(Arc::new(log.clone())));
        let finished = catch_unwind(AssertUnwindSafe(|| after.finish()));
        let said = log.0.lock().unwrap().clone();
        (finished.is_ok(), said)
    }

    #[test]
    fn values_are_dropped_before_tasks_are_woken() {
        assert_eq!(finish(false), (true, vec!["dropped", "woken"]));
    }

    #[test]
    fn a_drop_that_panics_keeps_no_task_asleep() {
        assert_eq!(finish(true), (false, vec!["dropped", "woken"]));
    }
}
