//! Those who wait for memory.

use std::pin::Pin;

use leasehold::{Backing, Pool};
use loom::{future::block_on, thread};

use crate::{LEN, assert_whole, check, is_pending, pool};

#[test]
fn a_waiter_on_an_exhausted_pool_is_woken_by_a_return_elsewhere() {
    check(|| {
        let pool = pool(1);
        let held = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(held));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_whole(&pool);
    });
}

#[test]
fn a_block_that_goes_to_a_magazine_meanwhile_is_not_missed() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let last = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(last));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_at_the_limit_of_its_account_is_woken_by_a_return_elsewhere() {
    check(|| {
        let pool = pool(2);
        let account = pool.account("account", LEN);
        let held = account.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(held));
        drop(block_on(account.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_that_goes_while_it_is_granted_passes_its_turn_on() {
    check(|| {
        let pool = pool(1);
        let held = pool.try_lease(LEN).expect("free");
        let mut first = pool.lease(LEN);
        assert!(is_pending(Pin::new(&mut first)));
        let other = thread::spawn(move || drop(held));
        let second = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.lease(LEN)).expect("a grant"))
        });
        drop(first);
        other.join().expect("no panic");
        second.join().expect("no panic");
        assert_eq!(pool.stats().waiting, 0);
        assert_whole(&pool);
    });
}

#[test]
fn two_waiters_get_the_block_one_after_the_other() {
    check(|| {
        let pool = pool(1);
        let account = pool.account("account", LEN);
        let held = account.try_lease(LEN).expect("free");
        let other = thread::spawn({
            let account = account.clone();
            move || drop(block_on(account.lease(LEN)).expect("a grant"))
        });
        let returner = thread::spawn(move || drop(held));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        returner.join().expect("no panic");
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_who_finds_all_blocks_on_their_way_back_to_the_system_is_woken() {
    check(|| {
        // Only a mapped region sets blocks aside while the system takes their pages.
        let pool = Pool::builder()
            .backing(Backing::Mapped)
            .classes([LEN])
            .budget(LEN)
            .shards(1)
            .build()
            .expect("valid");
        drop(pool.try_lease(LEN).expect("free"));
        let other = thread::spawn({
            let pool = pool.clone();
            move || pool.trim()
        });
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_who_finds_all_blocks_with_somebody_who_is_refused_is_woken() {
    check(|| {
        let pool = Pool::builder()
            .backing(Backing::Heap)
            .classes([LEN, 2 * LEN])
            .budget(LEN * 8)
            .shards(1)
            .build()
            .expect("valid");
        pool.set_limit(LEN);
        drop(pool.try_lease(LEN).expect("free"));
        let other = thread::spawn({
            let pool = pool.clone();
            move || assert!(pool.try_lease(2 * LEN).expect_err("over the limit").is_too_large())
        });
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_eq!(pool.leased(), 0);
    });
}
