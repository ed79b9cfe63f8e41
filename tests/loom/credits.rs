//! Covers: reserved bytes that leases are made of.

use leasehold::BlockMut;
use loom::{future::block_on, thread};

use crate::{LEN, assert_whole, check, pool};

#[test]
fn a_lease_while_its_cover_goes_is_charged_once() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", 2 * LEN);
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let other = thread::spawn(move || drop(credit));
        let block = account.try_lease(LEN).expect("credited, or there is room");
        other.join().expect("no panic");
        assert_eq!((account.leased(), pool.leased(), pool.stats().reserved), (LEN, LEN, 0));
        drop(block);
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_lease_in_a_full_pool_while_its_cover_goes_is_had_or_not() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let other = thread::spawn(move || drop(credit));
        let block = account.try_lease(LEN).ok();
        other.join().expect("no panic");
        let leased = block.as_ref().map_or(0, |_| LEN);
        assert_eq!(
            (account.leased(), pool.leased(), pool.stats().reserved),
            (leased, 3 * LEN + leased, 0)
        );
        drop((held, block));
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_is_woken_by_a_covered_lease_that_takes_the_cached_block() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let held: Vec<_> = (0..2).map(|_| pool.try_lease(LEN).expect("free")).collect();
        drop(pool.try_lease(LEN).expect("free"));
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        // One block is cached, and room for another is reserved: enough for both, whoever finds the
        // block.
        assert_eq!(pool.stats().cached, LEN);
        let other = thread::spawn(move || account.try_lease(LEN).expect("credited"));
        let waited = block_on(pool.lease(LEN)).expect("a grant");
        let credited = other.join().expect("no panic");
        assert_eq!((credit.left(), pool.leased()), (0, 4 * LEN));
        drop((held, waited, credited, credit));
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_is_served_whether_the_cached_block_goes_to_a_lease_or_its_cover_is_gone() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let held: Vec<_> = (0..2).map(|_| pool.try_lease(LEN).expect("free")).collect();
        drop(pool.try_lease(LEN).expect("free"));
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let leaser = thread::spawn({
            let account = account.clone();
            move || account.try_lease(LEN).ok()
        });
        let other = thread::spawn(move || drop(credit));
        let waited = block_on(pool.lease(LEN)).expect("a grant");
        let block = leaser.join().expect("no panic");
        other.join().expect("no panic");
        drop((held, waited, block));
        assert_eq!((account.leased(), pool.stats().reserved), (0, 0));
        assert_whole(&pool);
    });
}

#[test]
fn of_two_leases_one_gets_a_cover_that_is_enough_for_one() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let other = thread::spawn({
            let account = account.clone();
            move || account.try_lease(LEN).ok()
        });
        let blocks: [Option<BlockMut>; 2] =
            [account.try_lease(LEN).ok(), other.join().expect("no panic")];
        assert_eq!(blocks.iter().flatten().count(), 1);
        assert_eq!(
            (credit.left(), account.leased(), pool.leased(), pool.stats().reserved),
            (0, LEN, LEN, 0)
        );
        drop((blocks, credit));
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_chain_that_cannot_be_had_whole_gives_back_what_it_drew_while_the_cover_goes() {
    check(|| {
        let pool = pool(8);
        let account = pool.account("account", 2 * LEN);
        let held: Vec<_> = (0..7).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let other = thread::spawn(move || drop(credit));
        assert!(account.try_chain(2 * LEN).expect_err("room for one").is_exhausted());
        other.join().expect("no panic");
        assert_eq!((account.leased(), pool.leased(), pool.stats().reserved), (0, 7 * LEN, 0));
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_cover_may_be_the_last_of_its_account_while_a_block_comes_home() {
    check(|| {
        let pool = pool(8);
        let account = pool.account("account", 2 * LEN);
        let credit = account.try_reserve(2 * LEN).expect("room").into_credit();
        let block = account.try_lease(LEN).expect("credited");
        drop(account);
        let other = thread::spawn(move || drop(block));
        drop(credit);
        other.join().expect("no panic");
        assert!(pool.stats().accounts.is_empty());
        assert_whole(&pool);
    });
}

#[test]
fn a_cover_may_be_the_last_of_the_pool_while_a_block_comes_home() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", 2 * LEN);
        let block = account.try_lease(LEN).expect("free");
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        drop((pool, account));
        let other = thread::spawn(move || drop(block));
        drop(credit);
        other.join().expect("no panic");
    });
}

#[test]
fn a_waiter_at_the_limit_is_woken_by_a_chain_that_gives_back_what_it_drew() {
    check(|| {
        let pool = pool(8);
        let account = pool.account("account", 2 * LEN);
        let held = account.try_lease(LEN).expect("free");
        let credit = account.try_reserve(LEN).expect("room").into_credit();
        let other = thread::spawn({
            let account = account.clone();
            move || assert!(account.try_chain(2 * LEN).expect_err("room for one").is_over_limit())
        });
        drop(block_on(account.lease(LEN)).expect("credited"));
        other.join().expect("no panic");
        drop((held, credit));
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_at_the_limit_is_woken_by_a_reservation_that_becomes_a_cover() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let reserved = account.try_reserve(LEN).expect("room");
        let other = thread::spawn(move || reserved.into_credit());
        drop(block_on(account.lease(LEN)).expect("credited"));
        drop(other.join().expect("no panic"));
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}
