//! Runtimes that go while operations are under way, and operations that are dropped where there is
//! none: later, on another thread, or while a thread is torn down.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use leasehold::Pool;
use tokio::runtime::{Builder, Runtime};

use crate::{
    operation::{Operation, Running},
    operations::OPERATIONS,
    plan::Plan,
    site::Done,
    trial::{Bench, each, pool},
};

const LEN: usize = 1_300;

/// After so many polls the runtime goes.
const POLLS: [usize; 8] = [0, 1, 2, 3, 5, 8, 13, 21];

thread_local! {
    static KEPT: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// How a runtime and what runs in it part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    /// It is dropped with all its tasks.
    Dropped,
    /// It is told to go, and does so by itself.
    InBackground,
    /// The operation outlives it, and is dropped by another thread.
    Outlived,
    /// The operation outlives it in a variable of a thread, which is dropped when that ends.
    TornDown,
}

const PARTINGS: [Parting; 4] =
    [Parting::Dropped, Parting::InBackground, Parting::Outlived, Parting::TornDown];

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.worker_threads(1).enable_all().build().expect("a runtime"))
}

/// Polls an operation so many times, and hands it over as it is then; none if it has ended.
async fn begun(mut running: Running, polls: usize) -> Option<Running> {
    for _ in 0..polls {
        let polled = poll_fn(|cx| {
            let polled = running.as_mut().poll(cx);
            // Polled again soon, whether there is something to be done or not.
            cx.waker().wake_by_ref();
            Poll::Ready(polled)
        });
        if polled.await.is_ready() {
            return None;
        }
        tokio::task::yield_now().await;
    }
    Some(running)
}

/// Waits for threads that let go of something.
fn await_home(pools: [&Pool; 2], what: impl std::fmt::Debug) {
    let begun = Instant::now();
    let left = || pools.map(|pool| (pool.leased(), pool.stats().waiting));
    while left() != [(0, 0); 2] {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{what:?}: {:?} left (leased, waiting)",
            left()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

fn part(parting: Parting, runtime: Runtime, running: Running, polls: usize) {
    if matches!(parting, Parting::Outlived | Parting::TornDown) {
        let left = runtime
            .block_on(async { tokio::spawn(begun(running, polls)).await.expect("no panic") });
        drop(runtime);
        let outlive =
            move || if parting == Parting::TornDown { KEPT.set(left) } else { drop(left) };
        return thread::spawn(outlive).join().expect("no panic");
    }
    let (tell, told) = mpsc::channel();
    runtime.spawn(async move {
        let left = begun(running, polls).await;
        let _ = tell.send(());
        std::future::pending::<()>().await;
        drop(left);
    });
    runtime.block_on(async {
        while told.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    });
    match parting {
        Parting::InBackground => runtime.shutdown_background(),
        _ => drop(runtime),
    }
}

#[test]
fn a_runtime_that_goes_takes_nothing_with_it() {
    let partings = each(OPERATIONS, |operation| {
        let mut partings = 0;
        for bench in Bench::everywhere(operation) {
            for polls in POLLS {
                for parting in PARTINGS {
                    for runtime in runtimes() {
                        let running = bench.begin(operation, &Arc::new(Plan::new(LEN)));
                        part(parting, runtime, running, polls);
                        await_home(
                            [&bench.pool, &bench.far_pool],
                            (operation.name, bench.ground, polls, parting),
                        );
                        partings += 1;
                    }
                }
            }
        }
        partings
    });
    println!("runtimes gone: {} operations, {partings} partings, 0 blocks lost", OPERATIONS.len());
}

/// Operations that need nothing of a runtime.
fn needs_none(operation: &Operation) -> bool {
    const NEEDS_NONE: [&str; 14] = [
        "Pool::lease",
        "Pool::wait_for_pressure",
        "ChainReader::read",
        "write_all_buf",
        "poll_write_buf",
        "AnyStream",
        "BufStream",
        "Relay",
        "copy_bidirectional",
        "Outbox",
        "Framed",
        "compat::Framed",
        "collect",
        "LeasedBody",
    ];
    // Those that wait for memory need a clock.
    !operation.name.contains(", waiting")
        && !operation.name.contains("little memory")
        && NEEDS_NONE.iter().any(|name| operation.name.starts_with(name))
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on(running: Running) -> Done {
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut running = pin!(running);
    loop {
        match running.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn what_needs_no_runtime_works_without_one() {
    let bench = Bench::in_memory();
    let operations: Vec<_> = OPERATIONS.iter().filter(|operation| needs_none(operation)).collect();
    for operation in &operations {
        let running =
            bench.begin(operation, &Arc::new(Plan { is_pending: true, ..Plan::new(LEN) }));
        thread::scope(|scope| {
            scope.spawn(|| block_on(running).expect(operation.name)).join().expect("no panic")
        });
        await_home([&bench.pool, &bench.far_pool], operation.name);
    }
    println!("without a runtime: {} operations, 0 blocks lost", operations.len());
    assert!(operations.len() > 14);
}

#[test]
fn a_wait_that_has_no_clock_panics_and_leaves_no_trace() {
    let pool = pool();
    let account = pool.account("full", 256);
    let held = account.try_lease(1).expect("free");
    let waiting = {
        let account = account.clone();
        thread::spawn(move || {
            block_on(Box::pin(async move { account.lease(1).await.map(drop).map_err(Into::into) }))
        })
    };
    assert!(waiting.join().is_err(), "there is no clock for its deadline");
    assert_eq!((account.leased(), pool.stats().waiting), (256, 0));
    drop(held);
    assert_eq!(account.try_lease(1).expect("free").block_capacity(), 256);
    assert_eq!(pool.leased(), 0);
}
