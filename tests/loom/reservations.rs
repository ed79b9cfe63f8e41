//! Reservations.

use std::pin::Pin;

use loom::{future::block_on, thread};

use crate::{LEN, assert_whole, check, holder::Holder, is_pending, pool};

#[test]
fn a_block_and_a_reservation_that_do_not_fit_together_are_not_held_together() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let holder = Holder::new();
        let other = thread::spawn({
            let (pool, holder) = (pool.clone(), holder.clone());
            move || holder.reserve_and_release(&pool)
        });
        holder.lease_and_return(&pool);
        other.join().expect("no panic");
        // What was returned is in a magazine, and is given up.
        assert!(holder.reserve_and_release(&pool));
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_for_a_block_is_woken_by_a_reservation_that_goes_elsewhere() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let reserved = account.try_reserve(1).expect("room");
        // First at the limit of its account, then for the pool.
        let other = thread::spawn(move || drop(reserved));
        drop(block_on(account.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_reserve_that_waits_does_not_miss_a_block_that_goes_to_a_magazine_meanwhile() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let last = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(last));
        drop(block_on(pool.reserve(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_reserve_that_goes_while_it_is_granted_passes_its_room_on() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let reserved = pool.try_reserve(LEN).expect("room");
        let mut first = pool.reserve(LEN);
        assert!(is_pending(Pin::new(&mut first)));
        let other = thread::spawn(move || drop(reserved));
        let second = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.lease(LEN)).expect("a grant"))
        });
        drop(first);
        other.join().expect("no panic");
        second.join().expect("no panic");
        assert_eq!(pool.stats().waiting, 0);
        drop(held);
        assert_whole(&pool);
    });
}
