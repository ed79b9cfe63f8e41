//! `Timers`: the deadlines of many tasks, with one timer.
//!
//! A timer of its own would cost an idle connection more than all else that it holds. An entry here
//! is 33 bytes, and a tick looks only at the entries that are due.
//!
//! # Invariants
//! - WOKEN: the time is stored under the lock of the list, before tasks are woken. A task that was
//!   entered with a deadline stays so until a tick has reached it: it is woken by that tick, or has
//!   seen it.
//! - TICKING: a waker that panics ends neither the tick nor the timer that calls it.

use std::{
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Release},
    },
    task::Context,
};

use super::{
    clock::Clock,
    millis::Millis,
    slots::SlotId,
    wake_list::{WakeList, contain},
    wheel::{Wakes, Wheel},
};
use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    clock: Clock,
    /// Whether a task may have been evicted that does not know it yet.
    has_evicted: AtomicBool,
    wheel: Mutex<Wheel>,
}

impl Timers {
    /// A place for a task, without a deadline.
    pub(crate) fn join(&self) -> SlotId {
        self.wheel.lock().insert()
    }

    pub(crate) fn leave(&self, id: SlotId) {
        let waker = self.wheel.lock().remove(id);
        drop(waker); // that may run anybody's code: the lock is free
    }

    /// Whether there is no task.
    pub(crate) fn is_empty(&self) -> bool {
        self.wheel.lock().is_empty()
    }

    /// Wakes the task at `deadline`, or before as `wakes` says. One lock.
    pub(crate) fn sleep(&self, id: SlotId, cx: &Context<'_>, deadline: Millis, wakes: Wakes) {
        let replaced = {
            let mut wheel = self.wheel.lock();
            wheel.set(id, cx.waker(), self.clock.now(), deadline, wakes)
        };
        drop(replaced); // without the lock
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What time it is. No lock.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// One tick later: wakes the tasks whose deadline has come.
    pub(crate) fn tick(&self) {
        self.wake(|wheel| wheel.take_due(self.clock.advance())); // WOKEN
    }

    /// Wakes the tasks that may be woken before their deadline.
    pub(crate) fn wake_early(&self) {
        self.wake(|wheel| wheel.early());
    }

    /// How many tasks are idle ([`Wakes::Idle`]).
    pub(crate) fn idle(&self) -> usize {
        self.wheel.lock().count(Wakes::Idle)
    }

    /// Wakes those tasks that have been idle for longest, to end: `count` of them, with those that
    /// were woken so before and have not ended yet, or as many as are idle.
    pub(crate) fn evict(&self, count: usize) {
        self.wake(|wheel| {
            let mut woken = WakeList::default();
            while wheel.count(Wakes::Evicted) < count {
                let Some(waker) = wheel.evict(self.clock.now()) else { break };
                woken.push(waker);
            }
            self.has_evicted.store(wheel.count(Wakes::Evicted) > 0, Release); // with `is_evicted`
            woken
        });
    }

    /// Whether the task was woken to end, and has not slept since. Mostly without a lock.
    pub(crate) fn is_evicted(&self, id: SlotId) -> bool {
        if !self.has_evicted.load(Acquire) {
            return false;
        }
        let mut wheel = self.wheel.lock();
        self.has_evicted.store(wheel.count(Wakes::Evicted) > 0, Release);
        wheel.wakes(id) == Some(Wakes::Evicted)
    }

    /// Wakes all.
    pub(crate) fn wake_all(&self) {
        self.wake(|wheel| wheel.all());
    }

    fn wake(&self, choose: impl FnOnce(&mut Wheel) -> WakeList) {
        let woken = choose(&mut self.wheel.lock());
        let _ = contain(|| woken.wake_all()); // TICKING
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            Arc, Mutex as StdMutex,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::{Wake, Waker},
        time::Duration,
    };

    use proptest::prelude::*;

    use super::*;
    use crate::util::TICK;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn count() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    impl Timers {
        fn sleep_ticks(&self, id: SlotId, waker: &Waker, ticks: u32) {
            let deadline = self.now().after(TICK * ticks);
            self.sleep(id, &Context::from_waker(waker), deadline, Wakes::AtDeadline);
        }

        fn looks(&self) -> usize {
            std::mem::take(&mut self.wheel.lock().looks)
        }
    }

    #[test]
    fn a_tick_looks_only_at_what_is_due() {
        let (timers, (woken, waker)) = (Timers::default(), count());
        for at in 0..10_000 {
            timers.sleep_ticks(timers.join(), &waker, 300 + at % 2);
        }
        (0..299).for_each(|_| timers.tick());
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (0, 0));
        timers.tick();
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (5_000, 5_000));
        timers.tick();
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (5_000, 10_000));
        (0..2_000).for_each(|_| timers.tick());
        assert_eq!(timers.looks(), 0, "a task without a deadline is in no bucket");
    }

    #[test]
    fn what_is_later_than_a_revolution_is_looked_at_once_in_each() {
        let (timers, (woken, waker)) = (Timers::default(), count());
        timers.sleep_ticks(timers.join(), &waker, 2_000);
        (0..1_999).for_each(|_| timers.tick());
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (3, 0));
        timers.tick();
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (1, 1));
    }

    #[test]
    fn a_deadline_that_is_moved_again_and_again_is_filed_once() {
        let (timers, (woken, waker)) = (Timers::default(), count());
        let id = timers.join();
        (1..1_000).for_each(|ticks| timers.sleep_ticks(id, &waker, ticks));
        (0..998).for_each(|_| timers.tick());
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (1, 0));
        timers.tick();
        assert_eq!((timers.looks(), woken.0.load(Relaxed)), (1, 1));
    }

    #[test]
    fn a_waker_that_panics_ends_no_tick() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("a waker that panics");
            }
        }
        let (timers, (woken, waker)) = (Timers::default(), count());
        timers.sleep_ticks(timers.join(), &Waker::from(Arc::new(Panics)), 1);
        timers.sleep_ticks(timers.join(), &waker, 1);
        let ticked = catch_unwind(AssertUnwindSafe(|| timers.tick()));
        assert_eq!((ticked.is_ok(), woken.0.load(Relaxed)), (true, 1));
    }

    #[test]
    fn the_task_that_was_idle_for_longest_is_evicted() {
        let (timers, now) = (Timers::default(), Millis::from_bits(0));
        let sleep = |id, count: &Waker, ticks, wakes| {
            timers.sleep(id, &Context::from_waker(count), now.after(TICK * ticks), wakes);
        };
        let ids: Vec<_> = (0..4).map(|_| timers.join()).collect();
        let woken: Vec<_> = (0..4).map(|_| count()).collect();
        sleep(ids[0], &woken[0].1, 700, Wakes::Idle);
        sleep(ids[1], &woken[1].1, 5, Wakes::AtDeadline);
        sleep(ids[2], &woken[2].1, 300, Wakes::Idle);
        sleep(ids[3], &woken[3].1, 10, Wakes::Early);
        assert_eq!(timers.idle(), 2);
        let counts = || woken.iter().map(|(count, _)| count.0.load(Relaxed)).collect::<Vec<_>>();
        // 700 ticks are one revolution and 188 ticks.
        timers.evict(1);
        assert_eq!((counts(), timers.idle()), (vec![1, 0, 0, 0], 1));
        timers.evict(1);
        assert_eq!(counts(), [1, 0, 0, 0], "the first has not ended yet");
        assert!(timers.is_evicted(ids[0]) && !timers.is_evicted(ids[2]));
        timers.evict(3);
        assert_eq!((counts(), timers.idle()), (vec![1, 0, 1, 0], 0), "no other task is idle");
        // One that sleeps again has not ended.
        sleep(ids[0], &woken[0].1, 20, Wakes::AtDeadline);
        assert!(!timers.is_evicted(ids[0]) && timers.is_evicted(ids[2]));
        timers.leave(ids[2]);
        assert!(!timers.is_evicted(ids[2]) && !timers.has_evicted.load(Relaxed));
    }

    #[test]
    fn an_idle_task_without_a_deadline_is_evicted_after_those_with_one() {
        let (timers, woken) = (Timers::default(), [count(), count()]);
        for ((_, waker), deadline) in woken.iter().zip([Millis::NEVER, Millis::from_bits(9_000)]) {
            let cx = Context::from_waker(waker);
            timers.sleep(timers.join(), &cx, deadline, Wakes::Idle);
        }
        let counts = || woken.each_ref().map(|(count, _)| count.0.load(Relaxed));
        timers.evict(1);
        assert_eq!(counts(), [0, 1]);
        timers.evict(2);
        assert_eq!(counts(), [1, 1]);
    }

    /// Says which task was woken.
    struct Logs(u32, Arc<StdMutex<Vec<u32>>>);

    impl Wake for Logs {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join,
        Leave(usize),
        /// The milliseconds until the deadline, and whether the task may be woken early.
        Sleep(usize, u64, bool),
        Ticks(u32),
        WakeEarly,
        WakeAll,
    }

    fn step() -> impl Strategy<Value = Step> {
        let millis = prop_oneof![4 => 0_u64..3_000, 2 => 100_000_u64..400_000, 1 => Just(u64::MAX)];
        prop_oneof![
            3 => Just(Step::Join),
            1 => any::<usize>().prop_map(Step::Leave),
            6 => (any::<usize>(), millis, any::<bool>())
                .prop_map(|(at, millis, is_early)| Step::Sleep(at, millis, is_early)),
            4 => (1_u32..12).prop_map(Step::Ticks),
            1 => (400_u32..700).prop_map(Step::Ticks),
            1 => Just(Step::WakeEarly),
            1 => Just(Step::WakeAll),
        ]
    }

    /// A task as a plain list knows it.
    struct Task {
        number: u32,
        id: SlotId,
        deadline: Millis,
        is_early: bool,
        has_slept: bool,
    }

    proptest! {
        #[test]
        fn it_wakes_what_a_plain_list_would(steps in proptest::collection::vec(step(), 1..80)) {
            let (timers, log) = (Timers::default(), Arc::default());
            let (mut tasks, mut gone): (Vec<Task>, Vec<SlotId>) = Default::default();
            let mut next = 0;
            let mut expected = Vec::new();
            for step in steps {
                match step {
                    Step::Join => {
                        tasks.push(Task {
                            number: next,
                            id: timers.join(),
                            deadline: Millis::NEVER,
                            is_early: false,
                            has_slept: false,
                        });
                        next += 1;
                    }
                    Step::Leave(at) if !tasks.is_empty() => {
                        let task = tasks.swap_remove(at % tasks.len());
                        timers.leave(task.id);
                        gone.push(task.id);
                    }
                    Step::Sleep(at, millis, is_early) if !tasks.is_empty() => {
                        let at = at % tasks.len();
                        let task = &mut tasks[at];
                        task.deadline = timers.now().after(Duration::from_millis(millis));
                        (task.is_early, task.has_slept) = (is_early, true);
                        let waker = Waker::from(Arc::new(Logs(task.number, Arc::clone(&log))));
                        let wakes = if is_early { Wakes::Early } else { Wakes::AtDeadline };
                        timers.sleep(task.id, &Context::from_waker(&waker), task.deadline, wakes);
                        // An id that is out of date changes nothing.
                        for &id in &gone {
                            timers.sleep(id, &Context::from_waker(&waker), timers.now(), wakes);
                            timers.leave(id);
                        }
                    }
                    Step::Ticks(count) => {
                        for _ in 0..count {
                            timers.tick();
                            let now = timers.now();
                            for task in tasks.iter_mut().filter(|task| task.deadline <= now) {
                                task.deadline = Millis::NEVER;
                                expected.push(task.number);
                            }
                        }
                    }
                    Step::WakeEarly => {
                        timers.wake_early();
                        let early = tasks.iter().filter(|task| task.is_early);
                        expected.extend(early.map(|task| task.number));
                    }
                    Step::WakeAll => {
                        timers.wake_all();
                        let all = tasks.iter().filter(|task| task.has_slept);
                        expected.extend(all.map(|task| task.number));
                    }
                    Step::Leave(_) | Step::Sleep(..) => {}
                }
                let mut woken = std::mem::take(&mut *log.lock().unwrap());
                woken.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(&woken, &expected);
                expected.clear();
                prop_assert_eq!(timers.is_empty(), tasks.is_empty());
            }
        }
    }
}
