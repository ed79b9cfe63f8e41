//! Wakers that panic, wherever several tasks are woken at once: no other task stays asleep, and the
//! timer that woke them goes on.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Wake, Waker},
    time::Duration,
};

use leasehold::{
    Pool,
    ws::{Config, KeepAlive, Role, WebSocket},
};
use tokio::{io::AsyncReadExt, time::sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// Polls it with a waker that panics.
fn poll_broken<F: Future>(future: Pin<&mut F>) {
    let waker = Waker::from(Arc::new(Panics));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
}

/// A pool of so many blocks.
fn pool_of(blocks: usize) -> Pool {
    Pool::builder().budget(blocks * (64 << 10)).classes([64 << 10]).build().unwrap()
}

#[tokio::test]
async fn who_waits_for_memory_is_woken_behind_a_waker_that_panics() {
    let pool = pool_of(16);
    let mut all = pool.try_chain(4 * (64 << 10)).unwrap();
    let _others: Vec<_> = (0..12).map(|_| pool.try_lease(1).unwrap()).collect();
    let mut broken = pin!(pool.lease(1));
    poll_broken(broken.as_mut());
    let mut next: Vec<_> = (0..3).map(|_| task::spawn(pool.lease(1))).collect();
    next.iter_mut().for_each(|next| assert_pending!(next.poll()));
    // Several blocks come home with one drop.
    let freed =
        AssertUnwindSafe(|| drop(std::mem::replace(&mut all, leasehold::ChainMut::new(&pool))));
    assert!(catch_unwind(freed).is_err());
    for next in &mut next {
        assert!(next.is_woken());
        drop(assert_ready_ok!(next.poll()));
    }
    assert!(broken.await.is_ok());
}

#[tokio::test]
async fn who_waits_for_pressure_is_woken_behind_a_waker_that_panics() {
    let pool = pool_of(16);
    let mut broken = pin!(pool.wait_for_pressure());
    poll_broken(broken.as_mut());
    let mut next: Vec<_> = (0..40).map(|_| task::spawn(pool.wait_for_pressure())).collect();
    next.iter_mut().for_each(|next| assert_pending!(next.poll()));
    let mut blocks = Vec::new();
    let taken = catch_unwind(AssertUnwindSafe(|| {
        (0..16).for_each(|_| blocks.push(pool.try_lease(1).unwrap()))
    }));
    assert!(taken.is_err());
    for next in &mut next {
        assert!(next.is_woken());
    }
    // It is high still, or again.
    (blocks.len()..16).for_each(|_| blocks.push(pool.try_lease(1).unwrap()));
    next.iter_mut().for_each(|next| assert_ready!(next.poll()));
    drop((blocks, next));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn pings_go_on_behind_a_waker_that_panics() {
    const INTERVAL: Duration = Duration::from_secs(5);
    let pool = Pool::new(4 << 20).unwrap();
    let config = Arc::new(Config::new().keep_alive(&KeepAlive::new(INTERVAL, 4 * INTERVAL)));
    let connect = || {
        let (near, far) = tokio::io::duplex(64);
        (WebSocket::with_config(near, Role::Server, &pool, config.clone()), far)
    };
    let (mut broken, _far) = connect();
    let mut receiving = Box::pin(broken.recv());
    poll_broken(receiving.as_mut());
    // Later, so that it is not due at the tick that wakes the other one.
    sleep(Duration::from_secs(2)).await;
    let (mut next, mut far) = connect();
    let next = tokio::spawn(async move { next.recv().await.is_some() });
    sleep(2 * INTERVAL).await;
    let mut ping = [0; 2];
    far.read_exact(&mut ping).await.unwrap();
    assert_eq!(ping, [0x89, 0]);
    sleep(5 * INTERVAL).await;
    assert!(next.await.unwrap(), "it is given up in time");
    // The pipe forgets that waker.
    assert!(receiving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(receiving);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn sweeps_go_on_behind_a_waker_that_panics() {
    const WAIT: Duration = Duration::from_millis(500);
    let pool = Pool::builder().budget(1 << 20).classes([64 << 10]).max_wait(WAIT).build().unwrap();
    let sweeping = tokio::spawn(pool.maintain());
    let mut blocks: Vec<_> = (0..16).map(|_| pool.try_lease(1).unwrap()).collect();
    let mut idle = task::spawn(pool.lease(1));
    assert_pending!(idle.poll());
    let mut broken = pin!(pool.lease_timeout(1, 10 * WAIT));
    poll_broken(broken.as_mut());
    // Nobody collects that one, so that a sweep takes it back and grants it to the next in line.
    blocks.pop();
    assert!(idle.is_woken());
    sleep(2 * WAIT).await;
    assert_eq!(pool.stats().waiting, 0, "a sweep has served the line");
    assert!(broken.await.is_ok());
    drop(blocks);
    sleep(8 * WAIT).await;
    assert!(!sweeping.is_finished());
    assert_eq!(pool.stats().mapped, 0, "what no lease uses goes back");
}
