//! Waits for room, and waits for what a reservation holds.

use std::{
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use super::{KIB, granted, lease_all, poll, reserve};
use crate::support::pools::{builders, pools};

#[tokio::test(start_paused = true)]
async fn a_waiter_for_a_block_is_served_when_a_reservation_goes_or_shrinks() {
    for pool in pools([4 * KIB], 8 * KIB) {
        let block = pool.try_lease(1).expect("free");
        let reserved =
            (pool.try_reserve(2 * KIB).expect("room"), pool.try_reserve(2 * KIB).expect("room"));
        let mut waiting = pool.lease(1);
        assert!(poll(&mut waiting).is_pending());
        drop(reserved.0);
        assert!(poll(&mut waiting).is_pending(), "half a block is not enough");
        let mut half = reserved.1;
        half.shrink_to(0);
        let second = granted(&mut waiting);
        drop((block, second));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_reserve_is_served_when_a_block_comes_home() {
    for pool in pools([4 * KIB], 16 * KIB) {
        let mut blocks = lease_all(&pool, 1);
        let mut waiting = pool.reserve(3_000);
        assert!(poll(&mut waiting).is_pending());
        assert_eq!((pool.pressure().waiting, pool.stats().waits), (1, 1));
        blocks.pop();
        assert_eq!(pool.leased(), 12 * KIB + 3_000, "a grant counts");
        assert!(pool.try_lease(1).is_err());
        let reserved = granted(&mut waiting);
        assert_eq!(reserved.len(), 3_000);
        drop((blocks, reserved));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_blocks_and_for_room_are_served_in_one_order() {
    for pool in pools([4 * KIB], 16 * KIB) {
        let held = reserve(&pool, 16 * KIB);
        let mut first = pool.reserve(4 * KIB);
        assert!(poll(&mut first).is_pending());
        let mut second = pool.lease(1);
        assert!(poll(&mut second).is_pending());
        let mut third = pool.chain(4 * KIB);
        assert!(poll(&mut third).is_pending());
        let mut held = held;
        held.shrink_to(12 * KIB);
        assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
        drop(granted(&mut first));
        let second = granted(&mut second);
        assert!(poll(&mut third).is_pending());
        drop(held);
        let third = granted(&mut third);
        drop((second, third));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_at_the_limit_of_its_account_is_served_when_a_reservation_there_goes() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 6_000);
        let reserved = account.try_reserve(5_000).expect("room");
        let (mut block, mut room) = (account.lease(1), account.reserve(1_500));
        assert!(poll(&mut block).is_pending() && poll(&mut room).is_pending());
        assert!(account.try_reserve(1_001).expect_err("no room").is_over_limit());
        assert_eq!(account.try_reserve(1_000).expect("those in line cannot use it").len(), 1_000);
        drop(reserved);
        let (block, room) = (granted(&mut block), granted(&mut room));
        assert_eq!(account.leased(), 4 * KIB + 1_500);
        drop((block, room));
        assert_eq!((account.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reserve_passes_its_turn_on_and_a_dropped_grant_is_given_back() {
    for pool in pools([4 * KIB], 16 * KIB) {
        let mut held = reserve(&pool, 16 * KIB);
        let mut waits: Vec<_> = (0..3).map(|_| pool.reserve(4 * KIB)).collect();
        assert!(waits.iter_mut().all(|wait| poll(wait).is_pending()));
        drop(waits.remove(0));
        held.shrink_to(12 * KIB);
        // Granted and never collected: the next in line has it.
        drop(waits.remove(0));
        let last = granted(&mut waits[0]);
        assert_eq!((last.len(), pool.leased()), (4 * KIB, 16 * KIB));
        drop((held, last, waits));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reserve_ends_at_its_deadline() {
    for builder in builders() {
        let max_wait = Duration::from_secs(7);
        let pool =
            builder.classes([4 * KIB]).budget(16 * KIB).max_wait(max_wait).build().expect("valid");
        let held = lease_all(&pool, 1);
        for (wait, secs) in
            [(pool.reserve(1), 7), (pool.reserve_timeout(1, Duration::from_secs(2)), 2)]
        {
            let start = tokio::time::Instant::now();
            assert!(wait.await.expect_err("nothing comes").is_deadline_passed());
            assert_eq!(start.elapsed().as_secs(), secs);
        }
        assert!(pool.reserve(4 * KIB + 1).await.expect_err("never").is_too_large());
        assert_eq!((pool.stats().waiting, pool.stats().waits), (0, 2));
        drop(held);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_keeps_its_place_from_poll_to_poll_and_gives_it_up_when_emptied() {
    for pool in pools([4 * KIB], 16 * KIB) {
        let cx = &mut Context::from_waker(Waker::noop());
        let held = lease_all(&pool, 1);
        let (mut first, mut second) = (None, None);
        for _ in 0..3 {
            assert!(pool.poll_reserve(cx, &mut first, 4 * KIB).is_pending());
            assert!(pool.poll_reserve(cx, &mut second, 100).is_pending());
        }
        assert_eq!(pool.stats().waiting, 2);
        first = None;
        drop(held);
        let Poll::Ready(Ok(reserved)) = pool.poll_reserve(cx, &mut second, 1) else {
            panic!("its turn came")
        };
        assert!(reserved.len() == 100 && first.is_none() && second.is_none());
        drop(reserved);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_reserve_that_need_not_wait_needs_no_runtime() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let reserved = granted(&mut pool.reserve(5));
        assert_eq!((reserved.len(), pool.leased()), (5, 5));
        drop(reserved);
        assert_eq!((pool.leased(), pool.stats().waits), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_room_that_nobody_collects_is_taken_back() {
    for builder in builders() {
        let max_wait = Duration::from_millis(20);
        let pool =
            builder.classes([4 * KIB]).budget(16 * KIB).max_wait(max_wait).build().expect("valid");
        let held = lease_all(&pool, 1);
        let mut forgotten = pool.reserve(4 * KIB);
        assert!(poll(&mut forgotten).is_pending());
        drop(held);
        assert_eq!(pool.leased(), 4 * KIB);
        // The time of grants is the system's: nobody's timer sees them.
        thread::sleep(2 * max_wait);
        let (others, mut last) = (lease_all(&pool, 1), pool.lease(1));
        let last = match poll(&mut last) {
            Poll::Ready(block) => Some(block.expect("a grant")),
            Poll::Pending => None,
        };
        assert_eq!(
            others.len() + usize::from(last.is_some()),
            4,
            "it was taken back for those who want it"
        );
        assert!(
            matches!(poll(&mut forgotten), Poll::Ready(Err(error)) if error.is_deadline_passed())
        );
        drop((others, last));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}
