//! NO-FREEZE among unequal waiters: large heads, uncollected grants, wakers that panic, and
//! pressure.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use leasehold::{BlockMut, LeaseFuture, Pool};

use crate::support::pools;
use pools::{builders, pools};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn is_pending(lease: &mut LeaseFuture) -> bool {
    match Pin::new(lease).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => true,
        Poll::Ready(block) => {
            drop(block.expect("a grant"));
            false
        }
    }
}

/// Leases blocks of `len` until none is left.
fn lease_all(pool: &Pool, len: usize) -> VecDeque<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn where_nothing_comes_home_a_head_holds_nobody_back_for_long() {
    for pool in pools([KIB, 64 * KIB], 128 * KIB) {
        let first = pool.try_lease(KIB).expect("a free block");
        let large = pool.try_lease(64 * KIB).expect("the other span");
        let head = tokio::spawn(pool.lease(64 * KIB));
        tokio::task::yield_now().await;
        assert_eq!(pool.stats().waiting, 1);
        let start = tokio::time::Instant::now();
        let mut small = Vec::new();
        for _ in 0..63 {
            small.push(
                pool.lease(KIB).await.expect("63 blocks are free, and of no use to the head"),
            );
        }
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "not until the deadline of the head, but {:?}",
            start.elapsed()
        );
        assert!(!head.is_finished());
        drop((first, large, small));
        drop(head.await.expect("no panic").expect("the head is served in the end"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_out_of_the_line_of_its_account_takes_an_old_hold_over() {
    for pool in pools([KIB, 64 * KIB], 128 * KIB) {
        let account = pool.account("account", 64 * KIB);
        let first = account.try_lease(KIB).expect("a free block");
        let large = pool.try_lease(64 * KIB).expect("the other span");
        // The older one waits for its account, so the younger one is the head that begins to hold
        // the others back.
        let older = tokio::spawn(account.lease(64 * KIB));
        tokio::task::yield_now().await;
        let younger = tokio::spawn(pool.lease(64 * KIB));
        tokio::task::yield_now().await;
        let mut small: Vec<BlockMut> =
            (0..16).map(|_| pool.try_lease(KIB).expect("the head is patient")).collect();
        assert!(pool.try_lease(KIB).is_err(), "no longer");
        tokio::task::yield_now().await;
        first.charge_to(&pool).expect("room");
        let start = tokio::time::Instant::now();
        small.push(pool.lease(KIB).await.expect("47 blocks are free, and of no use to the head"));
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_secs(1),
            "not until the deadline of the head, but {waited:?}"
        );
        assert!(!older.is_finished() && !younger.is_finished());
        drop((first, large, small));
        drop(older.await.expect("no panic").expect("served in the end"));
        drop(younger.await.expect("no panic").expect("served in the end"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn small_waiters_get_past_a_large_head_that_cannot_be_served() {
    for pool in pools([4 * KIB, 64 * KIB], 512 * KIB) {
        let mut blocks = lease_all(&pool, 4 * KIB);
        // One block of every span stays out, so that no span is ever free for the head.
        let kept: Vec<BlockMut> = blocks.iter_mut().step_by(16).map(std::mem::take).collect();
        blocks.retain(|block| block.capacity() > 0);
        let mut head = pool.lease(64 * KIB);
        assert!(is_pending(&mut head));
        let mut small: Vec<LeaseFuture> = (0..40).map(|_| pool.lease(1)).collect();
        assert!(small.iter_mut().all(is_pending));
        drop(blocks);
        assert!(
            small.iter_mut().all(|lease| !is_pending(lease)),
            "a bounded number of grants holds nobody back for ever"
        );
        assert!(is_pending(&mut head));
        drop((kept, head));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn small_leases_do_not_starve_a_large_head() {
    for pool in pools([4 * KIB, 64 * KIB], 256 * KIB) {
        let mut blocks = lease_all(&pool, 4 * KIB);
        let mut head = pool.lease(64 * KIB);
        assert!(is_pending(&mut head));
        let mut rounds = 0;
        // Whatever comes home is wanted again at once, by somebody who does not wait.
        while is_pending(&mut head) {
            rounds += 1;
            assert!(rounds < 1000, "the head starves");
            drop(blocks.pop_front());
            blocks.extend(pool.try_lease(1));
        }
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_holds_the_others_back_is_not_passed_by_way_of_an_account() {
    for pool in pools([4 * KIB, 64 * KIB], 256 * KIB) {
        let account = pool.account("account", 64 * KIB);
        let held = account.try_lease(1).expect("free");
        let mut blocks = lease_all(&pool, 4 * KIB);
        let mut head = pool.lease(64 * KIB);
        assert!(is_pending(&mut head));
        // Somebody waits in the line of the account, whose head may still be passed.
        let mut over = account.lease(64 * KIB);
        assert!(is_pending(&mut over));
        // So many pass the head of the pool's line that it holds back the next.
        blocks.drain(..17).for_each(drop);
        let mut passing: Vec<BlockMut> =
            (0..16).map(|_| pool.try_lease(1).expect("one of sixteen")).collect();
        assert!(pool.try_lease(1).expect_err("the head holds it back").is_exhausted());
        assert!(account.try_lease(1).is_err(), "so it does here");
        passing.clear();
        blocks.clear();
        assert!(!is_pending(&mut head));
        drop((held, over));
        assert_eq!((account.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn room_promised_to_a_waiter_who_leaves_goes_to_the_next_of_its_account() {
    for pool in pools([4 * KIB, 64 * KIB], 128 * KIB) {
        let account = pool.account("account", 4 * KIB);
        let held = account.try_lease(1).expect("free");
        let mut blocks = lease_all(&pool, 4 * KIB);
        let mut head = pool.lease(64 * KIB);
        assert!(is_pending(&mut head));
        // So many small ones pass the head that it holds back the next.
        let mut passing: Vec<LeaseFuture> = (0..16).map(|_| pool.lease(1)).collect();
        assert!(passing.iter_mut().all(is_pending));
        blocks.drain(..16).for_each(drop);
        let (mut next, mut last) = (account.lease(1), account.lease(1));
        assert!(is_pending(&mut next) && is_pending(&mut last));
        drop(held);
        assert!(is_pending(&mut next), "the head holds it back");
        drop(next);
        drop(head);
        assert!(!is_pending(&mut last));
        drop((passing, blocks, last));
        assert_eq!((account.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}

#[tokio::test]
async fn a_grant_that_nobody_collects_is_taken_back() {
    for builder in builders() {
        let max_wait = Duration::from_millis(30);
        let pool =
            builder.classes([4 * KIB]).budget(4 * KIB).max_wait(max_wait).build().expect("valid");
        let held = pool.try_lease(1).expect("free");
        let mut forgotten = pool.lease_timeout(1, Duration::from_secs(60));
        assert!(is_pending(&mut forgotten));
        // Before the grant: this thread may be slow to go on after it.
        let start = Instant::now();
        drop(held);
        let block = pool.lease_timeout(1, Duration::from_secs(10));
        let mut block = pin!(block);
        // Any serving takes it back once it is due; the refused leases here are such servings.
        let block = loop {
            if let Ok(block) = pool.try_lease(1) {
                break block;
            }
            if let Poll::Ready(block) = block.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                break block.expect("before its deadline");
            }
            assert!(start.elapsed() < Duration::from_secs(5), "never taken back");
            tokio::task::yield_now().await;
        };
        assert!(start.elapsed() >= max_wait);
        let error = forgotten.await.expect_err("its grant is gone");
        assert!(error.is_deadline_passed());
        drop(block);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_waiter_outlives_a_grant_that_nobody_collects() {
    for builder in builders() {
        let pool = builder
            .classes([4 * KIB])
            .budget(4 * KIB)
            .max_wait(Duration::from_millis(30))
            .build()
            .expect("valid");
        let held = pool.try_lease(1).expect("free");
        let mut forgotten = pool.lease(1);
        assert!(is_pending(&mut forgotten));
        drop(held);
        // It began to wait after the grant, so the grant is due before its deadline is; nobody else
        // comes by.
        let block = pool
            .lease_timeout(1, Duration::from_millis(300))
            .await
            .expect("the grant was taken back in time");
        drop((block, forgotten));
        assert_eq!(pool.leased(), 0);
    }
}

/// Panics when it is woken, but only `left` times.
struct Panicking {
    left: AtomicUsize,
}

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        if self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            panic!("a waker of somebody's panics");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_loses_no_block_and_keeps_nobody_asleep() {
    for pool in pools([4 * KIB, 8 * KIB], 64 * KIB) {
        let held = lease_all(&pool, 4 * KIB);
        let waker = Waker::from(Arc::new(Panicking { left: AtomicUsize::new(1) }));
        let mut panicking = pool.lease(1);
        assert!(Pin::new(&mut panicking).poll(&mut Context::from_waker(&waker)).is_pending());
        let mut quiet = pool.lease(1);
        assert!(is_pending(&mut quiet));
        let woken = catch_unwind(AssertUnwindSafe(|| drop(held)));
        assert!(woken.is_err(), "the panic is the waker's own business");
        assert!(!is_pending(&mut quiet));
        assert!(!is_pending(&mut panicking));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
        drop(pool.try_lease(1).expect("the pool works on"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn wakers_that_panic_together_or_in_a_panic_do_not_end_the_process() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let panicking = Arc::new(Panicking { left: AtomicUsize::new(4) });
        let waker = Waker::from(Arc::clone(&panicking));
        for is_in_panic in [false, true] {
            let mut held = lease_all(&pool, 4 * KIB);
            let mut waits: Vec<LeaseFuture> = (0..2).map(|_| pool.lease(1)).collect();
            for lease in &mut waits {
                assert!(Pin::new(lease).poll(&mut Context::from_waker(&waker)).is_pending());
            }
            // Two blocks that come home at once wake two.
            let account = pool.account("account", 4 * KIB);
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let _held = (held.pop_front(), held.pop_front(), account);
                if is_in_panic {
                    panic!("with blocks in hand");
                }
            }));
            assert!(ended.is_err());
            assert!(waits.iter_mut().all(|lease| !is_pending(lease)));
            drop(held);
            assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
        }
        assert_eq!(panicking.left.load(SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn pressure_is_high_when_seven_eighths_are_leased_or_somebody_waits() {
    for pool in pools([4 * KIB], MIB) {
        assert_eq!((pool.pressure().share(), pool.pressure().is_high()), (0.0, false));
        let mut blocks: Vec<BlockMut> =
            (0..223).map(|_| pool.try_lease(1).expect("free")).collect();
        assert!(!pool.pressure().is_high());
        blocks.push(pool.try_lease(1).expect("free"));
        assert!(pool.pressure().is_high());
        assert_eq!(pool.pressure().share(), 0.875);
        blocks.clear();
        pool.set_limit(4 * KIB);
        let held = pool.try_lease(1).expect("free");
        let mut waiting = pool.lease(1);
        assert!(!pool.pressure().is_high() && is_pending(&mut waiting));
        assert_eq!((pool.pressure().is_high(), pool.pressure().waiting), (true, 1));
        drop((held, waiting));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_pressure_is_woken_by_it() {
    for pool in pools([4 * KIB], MIB) {
        let watcher = tokio::spawn({
            let pool = pool.clone();
            async move { pool.wait_for_pressure().await }
        });
        tokio::task::yield_now().await;
        let mut blocks: Vec<BlockMut> =
            (0..200).map(|_| pool.try_lease(1).expect("free")).collect();
        tokio::task::yield_now().await;
        assert!(!watcher.is_finished());
        blocks.extend((0..56).map(|_| pool.try_lease(1).expect("free")));
        watcher.await.expect("no panic");
        drop(blocks);

        let watcher = tokio::spawn({
            let pool = pool.clone();
            async move { pool.wait_for_pressure().await }
        });
        tokio::task::yield_now().await;
        pool.set_limit(4 * KIB);
        let held = pool.try_lease(1).expect("free");
        let mut waiting = pool.lease(1);
        assert!(is_pending(&mut waiting));
        watcher.await.expect("no panic");
        drop((held, waiting));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn pressure_out_of_cached_blocks_wakes_too() {
    for builder in builders() {
        let pool = builder.classes([4 * KIB]).budget(8 * MIB).shards(4).build().expect("valid");
        let mut blocks = lease_all(&pool, 4 * KIB);
        blocks.truncate(2048 - 320);
        assert!(pool.stats().cached >= 160 * 4 * KIB, "or this tests nothing");
        let mut pressure = pin!(pool.wait_for_pressure());
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(pressure.as_mut().poll(cx).is_pending());
        blocks.extend((0..160).map(|_| pool.try_lease(1).expect("cached")));
        assert!(pool.pressure().is_high());
        assert!(pressure.as_mut().poll(cx).is_ready());
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_pressure_that_panics_loses_no_block() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let waker = Waker::from(Arc::new(Panicking { left: AtomicUsize::new(1) }));
        let mut watcher = Box::pin(pool.wait_for_pressure());
        assert!(watcher.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let woken = catch_unwind(AssertUnwindSafe(|| lease_all(&pool, 4 * KIB)));
        assert!(woken.is_err(), "the panic is the waker's own business");
        assert_eq!((pool.leased(), pool.pressure().is_high()), (0, false));
        drop(watcher);
        assert_eq!(lease_all(&pool, 4 * KIB).len(), 16);
    }
}
