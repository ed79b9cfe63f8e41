//! HOME: every block comes home exactly once, wherever and whenever its last handle goes.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use bytes::BufMut;
use leasehold::{Block, BlockMut, Pool};

use crate::support::pools;
use pools::pools;

const KIB: usize = 1 << 10;

thread_local! {
    static KEPT: RefCell<Vec<BlockMut>> = const { RefCell::new(Vec::new()) };
    static LEASES_AT_THE_END: RefCell<Option<LeasesWhenDropped>> = const { RefCell::new(None) };
}

/// Leases and returns in its drop, which runs while the thread is torn down.
struct LeasesWhenDropped {
    pool: Pool,
    outcome: mpsc::Sender<bool>,
}

impl Drop for LeasesWhenDropped {
    fn drop(&mut self) {
        let leased = self.pool.try_lease(1).is_ok();
        self.outcome.send(leased).expect("the test waits for this");
    }
}

#[test]
fn a_block_dropped_on_another_thread_comes_home() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 64 * KIB);
        let blocks: Vec<BlockMut> = (0..16).map(|_| account.try_lease(1).expect("free")).collect();
        thread::spawn(move || drop(blocks)).join().expect("no panic");
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_block_in_a_panic_comes_home() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut block = pool.try_lease(1).expect("free");
            block.put_slice(&[0; 5000]);
        }));
        assert!(panicked.is_err(), "5000 bytes do not fit");
        let thread = thread::spawn({
            let pool = pool.clone();
            move || {
                let _block = pool.try_lease(1).expect("free");
                panic!("with a block in hand");
            }
        });
        assert!(thread.join().is_err());
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_come_home_and_are_leased_while_a_thread_is_torn_down() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let (outcome, leased) = mpsc::channel();
        thread::spawn({
            let pool = pool.clone();
            move || {
                // The second is made first, so that both orders of destructors are seen over the
                // threads of this test.
                LEASES_AT_THE_END.set(Some(LeasesWhenDropped { pool: pool.clone(), outcome }));
                KEPT.with_borrow_mut(|kept| {
                    kept.extend((0..5).map(|_| pool.try_lease(1).expect("free")))
                });
            }
        })
        .join()
        .expect("no panic");
        assert!(leased.recv().expect("sent before the thread ended"));
        assert_eq!(pool.leased(), 0);
        // A thread that never used the pool before its end.
        let block = pool.try_lease(1).expect("free");
        thread::spawn(move || KEPT.set(vec![block])).join().expect("no panic");
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_outlive_the_last_handle_and_stay_whole() {
    for pool in pools([4 * KIB, 64 * KIB], 256 * KIB) {
        let mut block = pool.try_lease(1).expect("free");
        block.put_bytes(3, 4 * KIB);
        let mut large = pool.account("account", 64 * KIB).try_lease(64 * KIB).expect("free");
        large.put_bytes(4, 64 * KIB);
        assert_eq!(pool.leased(), 68 * KIB);
        drop(pool);
        let tail = block.split_off(1000);
        let (block, large) = (block.freeze(), large.freeze());
        let shared: Vec<Block> = (0..10).map(|_| block.clone()).collect();
        thread::spawn(move || drop((block, tail))).join().expect("no panic");
        assert!(shared.iter().all(|block| block[..] == [3; 1000]));
        drop(shared);
        assert!(large.iter().all(|&byte| byte == 4));
        let bytes = large.into_bytes();
        assert_eq!(bytes.slice(60_000..60_002)[..], [4, 4]);
    }
}

#[test]
fn a_block_that_outlives_its_pool_can_still_be_split_shared_and_unfrozen() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let mut block = pool.try_lease(1).expect("free");
        drop(pool);
        block.put_slice(b"still here");
        let mut block = block.freeze().try_into_mut().expect("the only handle");
        block.put_slice(b" and writable");
        let head = block.split_to(10);
        assert_eq!((&head[..], &block[..]), (&b"still here"[..], &b" and writable"[..]));
        let other = Pool::new(1 << 20).expect("valid");
        assert!(block.charge_to(&other).is_err());
        assert_eq!(other.leased(), 0);
    }
}

#[test]
fn pools_end_on_any_thread_in_any_order() {
    for round in 0..200 {
        for pool in pools([KIB, 4 * KIB], 128 * KIB) {
            let account = pool.account("account", 64 * KIB);
            let blocks: Vec<BlockMut> =
                (0..4).map(|_| account.try_lease(1 + round).expect("free")).collect();
            thread::scope(|scope| {
                for mut block in blocks {
                    scope.spawn(move || {
                        block.put_u8(round as u8);
                        assert_eq!(block.freeze()[..], [round as u8]);
                    });
                }
                scope.spawn(move || drop(pool));
                scope.spawn(move || drop(account));
            });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_keeps_its_pool_and_a_task_that_is_aborted_leaves_no_trace() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let held = pool.try_lease(1).expect("free");
        let waiting = tokio::spawn(pool.lease(1));
        let aborted = tokio::spawn(pool.lease(1));
        tokio::task::yield_now().await;
        assert_eq!(pool.stats().waiting, 2);
        aborted.abort();
        assert!(aborted.await.expect_err("aborted").is_cancelled());
        assert_eq!(pool.stats().waiting, 1);
        drop(pool);
        drop(held);
        let block = waiting.await.expect("no panic").expect("a grant");
        assert_eq!(block.capacity(), 4 * KIB);
    }
}

#[test]
fn a_runtime_that_goes_away_takes_its_waiters_with_it() {
    for pool in pools([4 * KIB], 8 * KIB) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let held = (pool.try_lease(1).expect("free"), pool.try_lease(1).expect("free"));
        for _ in 0..10 {
            let pool = pool.clone();
            runtime.spawn(async move {
                let _block = pool.lease(1).await;
                std::future::pending::<()>().await;
            });
        }
        while pool.stats().waiting < 10 {
            thread::yield_now();
        }
        drop(held);
        drop(runtime);
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}
