//! `Trial`: an operation, told once, and what came of it.

use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use leasehold::Pool;
use tokio::runtime::{Builder, Runtime};

#[cfg(unix)]
use crate::place::Unix;
use crate::{
    operation::{Operation, Running, Tells},
    place::{Memory, Place, Tcp},
    plan::{Plan, Planned},
    site::{CutOff, Done, Failure, Site, find, is_refusal},
};

/// Longer than anything here takes. In memory, where the clock is advanced whenever all wait,
/// longer than all deadlines.
const HANGS_AFTER: Duration = Duration::from_secs(20);
const HANGS_AFTER_IN_MEMORY: Duration = Duration::from_secs(200);

/// How long tasks may take to notice that their peer is gone.
const SETTLES_IN: Duration = Duration::from_secs(10);

/// Where trials are made: a runtime, and pools that are to be as they were after each.
pub(crate) struct Bench {
    pub(crate) ground: Ground,
    pub(crate) runtime: Runtime,
    pub(crate) pool: Pool,
    pub(crate) far_pool: Pool,
}

/// What carries the transports there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Memory,
    Tcp,
    #[cfg(unix)]
    Unix,
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    Failed(Failure),
    /// It was dropped before its end.
    Dropped,
    /// By plan.
    Panicked,
}

impl Bench {
    pub(crate) fn new(ground: Ground) -> Self {
        // In memory the clock is advanced whenever all wait.
        let is_paused = ground == Ground::Memory;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(is_paused)
            .build()
            .expect("a runtime");
        Self { ground, runtime, pool: pool(), far_pool: pool() }
    }

    pub(crate) fn in_memory() -> Self {
        Self::new(Ground::Memory)
    }

    /// One for each ground that an operation can be on.
    pub(crate) fn everywhere(operation: &Operation) -> impl Iterator<Item = Self> {
        let grounds: &[Ground] = match operation.on_tcp {
            None => &[Ground::Memory],
            #[cfg(unix)]
            Some(_) => &[Ground::Memory, Ground::Tcp, Ground::Unix],
            #[cfg(not(unix))]
            Some(_) => &[Ground::Memory, Ground::Tcp],
        };
        grounds.iter().map(|&ground| Self::new(ground))
    }

    /// What an operation is, here; `plan` says what goes wrong.
    ///
    /// # Panics
    /// If it has no transports, and is not in memory.
    pub(crate) fn begin(&self, operation: &Operation, plan: &Arc<Plan>) -> Running {
        match self.ground {
            Ground::Memory => (operation.in_memory)(self.site(Memory, plan)),
            Ground::Tcp => operation.on_tcp.expect("with transports")(self.site(Tcp, plan)),
            #[cfg(unix)]
            Ground::Unix => operation.on_unix.expect("with transports")(self.site(Unix, plan)),
        }
    }

    pub(crate) fn site<P: Place>(&self, place: P, plan: &Arc<Plan>) -> Site<P> {
        Site {
            pool: self.pool.clone(),
            far_pool: self.far_pool.clone(),
            plan: Arc::clone(plan),
            place,
        }
    }

    /// Tells an operation to its end.
    pub(crate) fn tell(&self, operation: &Operation, plan: Plan) -> (Outcome, Arc<Plan>) {
        self.tell_for(operation, plan, usize::MAX)
    }

    /// Tells an operation for so many polls, and then drops it.
    pub(crate) fn tell_for(
        &self,
        operation: &Operation,
        plan: Plan,
        polls: usize,
    ) -> (Outcome, Arc<Plan>) {
        let plan = Arc::new(plan);
        let told = Told { operation, what: &(self.ground, &plan, polls) };
        (self.run(&told, || Awoken::new(self.begin(operation, &plan), &plan), polls), plan)
    }

    /// Tells an operation to its end, and that of the runtime: one whose own work has panicked is
    /// not for further use.
    pub(crate) fn tell_last(self, operation: &Operation, plan: Plan) -> (Outcome, Arc<Plan>) {
        let plan = Arc::new(plan);
        let told = Told { operation, what: &plan };
        let outcome =
            self.drive(&told, || Awoken::new(self.begin(operation, &plan), &plan), usize::MAX);
        drop(self.runtime);
        assert_eq!(
            (self.pool.leased(), self.far_pool.leased(), self.pool.stats().waiting),
            (0, 0, 0),
            "{told}"
        );
        (outcome, plan)
    }

    /// Runs it until it is ready, or for so many polls. Nothing is leased afterwards.
    fn run(&self, told: &Told<'_>, begin: impl FnOnce() -> Awoken, polls: usize) -> Outcome {
        let outcome = self.drive(told, begin, polls);
        self.settle(told);
        outcome
    }

    fn drive(&self, told: &Told<'_>, begin: impl FnOnce() -> Awoken, polls: usize) -> Outcome {
        let hangs_after =
            if self.ground == Ground::Memory { HANGS_AFTER_IN_MEMORY } else { HANGS_AFTER };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            self.runtime.block_on(async {
                tokio::time::timeout(hangs_after, limited(begin(), polls)).await
            })
        }));
        match caught {
            Ok(Ok(Some(Ok(())))) => Outcome::Done,
            Ok(Ok(Some(Err(failure)))) => Outcome::Failed(failure),
            Ok(Ok(None)) => Outcome::Dropped,
            Ok(Err(_)) => panic!("{told} hangs"),
            Err(panic) => told.panicked(panic),
        }
    }

    /// Waits until tasks that were spawned have noticed, and asserts that all is home.
    pub(crate) fn settle(&self, told: &Told<'_>) {
        let begun = Instant::now();
        let left = || (self.pool.leased(), self.far_pool.leased(), self.pool.stats().waiting);
        while left() != (0, 0, 0) {
            assert!(
                begun.elapsed() < SETTLES_IN,
                "{told}: {:?} left (leased, by the peer, waiting)",
                left()
            );
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        }
    }
}

/// Polls a future for so many times, and then drops it.
async fn limited(mut running: Awoken, polls: usize) -> Option<Done> {
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        // It is dropped when there are no more polls, and not a moment later.
        let polled = Pin::new(&mut running).poll(cx).map(Some);
        if polled.is_pending() && left == 0 { Poll::Ready(None) } else { polled }
    })
    .await
}

/// An operation that is woken by the user's code, if the plan says so.
struct Awoken {
    running: Running,
    plan: Arc<Plan>,
}

impl Awoken {
    fn new(running: Running, plan: &Arc<Plan>) -> Self {
        Self { running, plan: Arc::clone(plan) }
    }
}

impl Future for Awoken {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        if !self.plan.has_wakers {
            return self.running.as_mut().poll(cx);
        }
        let waker =
            Waker::from(Arc::new(Wakes { task: cx.waker().clone(), plan: Arc::clone(&self.plan) }));
        self.running.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// A waker of the user's: the task is woken, whatever it does then.
struct Wakes {
    task: Waker,
    plan: Arc<Plan>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.wake_by_ref();
        self.plan.user_code();
    }
}

/// Small blocks, so that small messages need several; and so little in magazines that all of it is
/// used.
pub(crate) fn pool() -> Pool {
    Pool::builder().classes([256, 1 << 10]).budget(4 << 20).build().expect("a valid pool")
}

/// What is told, for those who read that it went wrong.
pub(crate) struct Told<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) what: &'a dyn fmt::Debug,
}

impl Told<'_> {
    pub(crate) fn panicked(&self, panic: Box<dyn Any + Send>) -> Outcome {
        if panic.is::<Planned>() {
            return Outcome::Panicked;
        }
        eprintln!("{self}");
        resume_unwind(panic)
    }

    /// Asserts that a failure is one that a lack of memory makes.
    pub(crate) fn assert_refused(&self, failure: &Failure) {
        let is_told = is_refusal(&**failure) || self.is_cut_off(failure);
        assert!(is_told, "{self}: {failure:?} is not said to be a lack of memory");
    }

    /// Asserts that a failure is the transport's.
    pub(crate) fn assert_io(&self, failure: &Failure, is: impl Fn(&io::Error) -> bool) {
        let told = find::<io::Error>(&**failure);
        assert!(
            told.is_some_and(is) || self.is_cut_off(failure),
            "{self}: {failure:?} is not what the transport said"
        );
    }

    fn is_cut_off(&self, failure: &Failure) -> bool {
        self.operation.tells == Tells::Peer
            && (failure.is::<CutOff>() || find::<hyper::Error>(&**failure).is_some())
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?}", self.operation.name, self.what)
    }
}

/// Does `work` with each operation, two at a time, and adds up what it returns.
///
/// # Panics
/// In the end, if it did with any.
pub(crate) fn each(
    operations: &'static [Operation],
    work: impl Fn(&'static Operation) -> usize + Sync,
) -> usize {
    let (next, sum, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(operation) = operations.get(next.fetch_add(1, Relaxed)) {
                    match catch_unwind(AssertUnwindSafe(|| work(operation))) {
                        Ok(count) => sum.fetch_add(count, Relaxed),
                        Err(_) => failed.fetch_add(1, Relaxed),
                    };
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "operations that failed, of {}", operations.len());
    sum.into_inner()
}
