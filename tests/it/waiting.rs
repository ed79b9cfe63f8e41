//! Waiting for memory: whose turn it is, what a dropped wait leaves behind, and that every wait
//! ends.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use leasehold::{Account, BlockMut, LeaseError, LeaseFuture};
use tokio::time::Instant;

use crate::support::pools;
use pools::{builders, pools};

const KIB: usize = 1 << 10;

type Polled = Poll<Result<BlockMut, LeaseError>>;

fn poll(lease: &mut LeaseFuture) -> Polled {
    Pin::new(lease).poll(&mut Context::from_waker(Waker::noop()))
}

/// Begins `count` waits of `len` bytes, which must all be pending.
fn wait_for(pool: &Account, len: usize, count: usize) -> Vec<LeaseFuture> {
    (0..count)
        .map(|_| {
            let mut lease = pool.lease(len);
            assert!(poll(&mut lease).is_pending());
            lease
        })
        .collect()
}

fn granted(lease: &mut LeaseFuture) -> BlockMut {
    match poll(lease) {
        Poll::Ready(block) => block.expect("a grant"),
        Poll::Pending => panic!("not granted yet"),
    }
}

#[test]
fn a_lease_that_need_not_wait_needs_no_runtime() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let block = granted(&mut pool.lease(1));
        assert_eq!(pool.leased(), 4 * KIB);
        drop(block);
        assert_eq!((pool.leased(), pool.stats().waits), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_first_come_first_served() {
    for pool in pools([4 * KIB], 8 * KIB) {
        let held = (pool.try_lease(1).expect("free"), pool.try_lease(1).expect("free"));
        let mut waits = wait_for(&pool, 1, 3);
        assert_eq!((pool.stats().waiting, pool.stats().waits), (3, 3));
        drop(held.0);
        assert!(poll(&mut waits[2]).is_pending() && poll(&mut waits[1]).is_pending());
        let first = granted(&mut waits[0]);
        drop(held.1);
        assert!(poll(&mut waits[2]).is_pending());
        let second = granted(&mut waits[1]);
        drop(first);
        let third = granted(&mut waits[2]);
        assert_eq!(pool.stats().waiting, 0);
        drop((second, third));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_those_who_wait() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let held = pool.try_lease(1).expect("free");
        let mut waits = wait_for(&pool, 1, 2);
        drop(held);
        assert_eq!(pool.leased(), 4 * KIB, "a grant counts as leased");
        assert!(pool.try_lease(1).expect_err("granted already").is_exhausted());
        assert!(poll(&mut pool.lease(1)).is_pending());
        let block = granted(&mut waits[0]);
        assert!(pool.try_lease(1).is_err());
        drop(block);
        assert!(pool.try_lease(1).is_err(), "the next grant is out");
        drop(granted(&mut waits[1]));
        drop(pool.try_lease(1).expect("nobody waits any more"));
        drop(waits);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_passes_its_turn_on_and_a_dropped_grant_goes_home() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let held = pool.try_lease(1).expect("free");
        let mut waits = wait_for(&pool, 1, 4);
        drop(waits.remove(0));
        drop(held);
        assert_eq!(pool.stats().waiting, 2);
        drop(waits.remove(0));
        let block = granted(&mut waits[0]);
        assert!(poll(&mut waits[1]).is_pending());
        drop(block);
        drop(waits);
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
        drop(pool.try_lease(1).expect("home"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_over_its_limit_does_not_hold_back_the_others() {
    for pool in pools([4 * KIB], 8 * KIB) {
        let greedy = pool.account("greedy", 4 * KIB);
        let held = greedy.try_lease(1).expect("free");
        let mut over = wait_for(&greedy, 1, 2);
        drop(pool.try_lease(1).expect("the pool has a block"));
        drop(granted(&mut pool.lease(1)));
        let last = pool.try_lease(1).expect("free");
        let mut exhausted = wait_for(&pool, 1, 1);
        drop(last);
        let other = granted(&mut exhausted[0]);
        assert!(poll(&mut over[0]).is_pending());
        drop(held);
        let block = granted(&mut over[0]);
        assert!(poll(&mut over[1]).is_pending());
        assert!(greedy.try_lease(1).expect_err("others wait there").is_over_limit());
        drop(block);
        let block = granted(&mut over[1]);
        drop((block, other));
        assert_eq!((greedy.leased(), pool.leased()), (0, 0));
        drop(greedy.try_lease(1).expect("nobody waits there any more"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_serves_those_who_wait_for_it() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let outer = pool.account("outer", 4 * KIB);
        let inner = outer.account("inner", 64 * KIB);
        let held = outer.try_lease(1).expect("free");
        let mut waits = wait_for(&inner, 1, 2);
        outer.set_limit(8 * KIB);
        let block = granted(&mut waits[0]);
        assert!(poll(&mut waits[1]).is_pending());
        outer.set_limit(12 * KIB);
        drop((granted(&mut waits[1]), block, held));
        pool.set_limit(4 * KIB);
        let held = pool.try_lease(1).expect("within");
        let mut waits = wait_for(&inner, 1, 1);
        pool.set_limit(8 * KIB);
        drop((granted(&mut waits[0]), held));
        assert_eq!((outer.leased(), pool.leased()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn room_that_a_waiter_cannot_use_further_in_goes_to_the_next() {
    for pool in pools([KIB], 64 * KIB) {
        let outer = pool.account("outer", 2 * KIB);
        let inner = outer.account("inner", 2 * KIB);
        let mut held: Vec<BlockMut> = (0..2).map(|_| outer.try_lease(1).expect("free")).collect();
        let mut first = wait_for(&inner, 1, 1);
        let mut second = wait_for(&outer, 1, 1);
        inner.set_limit(0);
        held.truncate(1);
        assert!(poll(&mut first[0]).is_pending(), "the inner account may have nothing now");
        held.push(granted(&mut second[0]));
        drop((first, held));
        assert_eq!((outer.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn waiters_who_leave_pass_the_room_of_their_account_on() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let account = pool.account("account", 4 * KIB);
        for leaving in 1..20 {
            let held = account.try_lease(1).expect("free");
            let mut first = wait_for(&pool, 1, 1);
            let mut waits = wait_for(&account, 1, 20);
            // The account has room now, the pool has not: whoever of the twenty is let through
            // waits for the pool.
            drop(held);
            let block = granted(&mut first[0]);
            waits.drain(..leaving).for_each(drop);
            drop(block);
            drop(granted(&mut waits[0]));
            drop(waits);
            assert_eq!((account.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_deadline_and_says_so() {
    for builder in builders() {
        let pool = builder
            .classes([4 * KIB])
            .budget(4 * KIB)
            .max_wait(Duration::from_secs(7))
            .build()
            .expect("valid");
        let account = pool.account("account", 4 * KIB);
        let held = account.try_lease(1).expect("free");
        for (waiting, secs) in [
            (pool.lease(1), 7),
            (account.lease(1), 7),
            (pool.lease_timeout(1, Duration::from_secs(3)), 3),
        ] {
            let start = Instant::now();
            let error = waiting.await.expect_err("nothing comes home");
            assert!(error.is_deadline_passed() && !error.is_exhausted(), "{error}");
            assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::TimedOut);
            assert_eq!(start.elapsed().as_secs(), secs);
        }
        assert_eq!((pool.stats().waiting, pool.stats().refused, pool.stats().waits), (0, 3, 3));
        drop(held);
        drop(account.try_lease(1).expect("no trace is left of those who waited"));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_that_can_never_fit_does_not_wait() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 2 * KIB);
        for (from, len) in [(&*pool, 4 * KIB + 1), (&account, 1)] {
            assert!(from.lease(len).await.expect_err("never").is_too_large());
        }
        assert_eq!((pool.stats().waits, pool.leased()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_keeps_its_place_from_poll_to_poll_and_gives_it_up_when_emptied() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let cx = &mut Context::from_waker(Waker::noop());
        let held = pool.try_lease(1).expect("free");
        let (mut first, mut second) = (None, None);
        for _ in 0..3 {
            assert!(pool.poll_lease(cx, &mut first, 1).is_pending());
            assert!(pool.poll_lease(cx, &mut second, 1).is_pending());
        }
        assert_eq!(pool.stats().waiting, 2);
        drop(held);
        first = None;
        let Poll::Ready(Ok(block)) = pool.poll_lease(cx, &mut second, 1) else {
            panic!("its turn was passed on")
        };
        assert!(first.is_none() && second.is_none());
        drop(block);
        assert!(
            matches!(pool.poll_lease(cx, &mut second, 8 * KIB), Poll::Ready(Err(_)))
                && second.is_none()
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_for_the_pool_is_served_when_a_charge_moves_off_its_account() {
    for pool in pools([4 * KIB, 20 * KIB], 128 * KIB) {
        let account = pool.account("account", 20 * KIB);
        // One span of each class: no small block is free, and with `charged` the account may not
        // have a large one.
        let charged = account.try_lease(4 * KIB).expect("free");
        let large = pool.try_lease(20 * KIB).expect("free");
        let small: Vec<BlockMut> =
            (0..15).map(|_| pool.try_lease(4 * KIB).expect("free")).collect();
        let mut waiting = account.lease(4 * KIB);
        assert!(poll(&mut waiting).is_pending());
        charged.charge_to(&pool).expect("room");
        assert_eq!(granted(&mut waiting).capacity(), 20 * KIB);
        drop((charged, large, small, waiting));
        assert_eq!((pool.leased(), account.leased(), pool.stats().waiting), (0, 0, 0));
    }
}
