//! What a reservation counts in, and how it grows and shrinks.

use leasehold::Reservation;

use super::{KIB, MIB, lease_all, reserve};
use crate::support::pools::pools;

#[test]
fn a_reservation_counts_to_the_byte_in_its_account_and_in_those_above() {
    for pool in pools([4 * KIB], MIB) {
        let outer = pool.account("outer", 100 * KIB);
        let inner = outer.account("inner", 50 * KIB);
        let reserved = inner.try_reserve(10_001).expect("room");
        let block = inner.try_lease(1).expect("room");
        assert_eq!((reserved.len(), reserved.is_empty()), (10_001, false));
        for account in [&pool, &outer, &inner] {
            assert_eq!(account.leased(), 10_001 + 4 * KIB, "{}", account.name());
            assert_eq!(account.peak(), 10_001 + 4 * KIB, "{}", account.name());
        }
        let stats = pool.stats();
        assert_eq!((stats.leased, stats.reserved), (10_001 + 4 * KIB, 10_001));
        assert_eq!(
            (stats.accounts[0].leased, stats.accounts[1].leased),
            (10_001 + 4 * KIB, 10_001 + 4 * KIB)
        );
        assert_eq!((pool.pressure().leased, stats.classes[0].leased), (10_001 + 4 * KIB, 1));
        drop(reserved);
        assert_eq!((inner.leased(), outer.leased(), pool.stats().reserved), (4 * KIB, 4 * KIB, 0));
        drop(block);
        assert_eq!((inner.leased(), outer.leased(), pool.leased()), (0, 0, 0));
    }
}

#[test]
fn no_memory_is_mapped_for_a_reservation() {
    for pool in pools([4 * KIB, 64 * KIB, MIB], 16 * MIB) {
        let before = pool.stats();
        let reserved = reserve(&pool, 16 * MIB);
        let stats = pool.stats();
        assert_eq!(
            (stats.mapped, stats.metadata, stats.cached),
            (before.mapped, before.metadata, 0)
        );
        assert_eq!((stats.leased, stats.reserved, stats.peak), (16 * MIB, 16 * MIB, 16 * MIB));
        assert!(pool.pressure().is_high());
        drop(reserved);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_and_reservations_share_the_budget_to_the_byte() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let reserved = pool.try_reserve(8 * KIB + 1).expect("room");
        let mut blocks = lease_all(&pool, 1);
        assert_eq!(blocks.len(), 13, "two are reserved, and a byte of a third");
        assert!(pool.try_lease(1).expect_err("no room").is_exhausted());
        drop(pool.try_reserve(4 * KIB - 1).expect("the rest of the third"));
        assert!(pool.try_reserve(4 * KIB).expect_err("no room").is_exhausted());
        drop(reserved);
        blocks.extend(lease_all(&pool, 1));
        assert_eq!(blocks.len(), 16);
        drop(blocks);
        // All of it is in magazines, and given up for a reservation.
        let reserved = reserve(&pool, 64 * KIB);
        assert!(pool.try_lease(1).is_err());
        drop(reserved);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn what_is_refused_says_why_and_charges_nothing() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 10_000);
        let error = pool.try_reserve(16 * KIB + 1).expect_err("over a quarter");
        assert!(error.is_too_large() && error.to_string().contains("the most is 16384"), "{error}");
        let error = account.try_reserve(10_001).expect_err("over the limit");
        assert!(error.is_too_large() && error.to_string().contains("the most is 10000"), "{error}");
        let reserved = account.try_reserve(9_000).expect("within");
        let error = account.try_reserve(1_001).expect_err("over what is left");
        assert!(
            error.is_over_limit() && error.to_string().contains("1000 of 10000 left"),
            "{error}"
        );
        assert!(account.try_lease(1).expect_err("no room for a block").is_over_limit());
        let blocks = lease_all(&pool, 1);
        assert!(account.try_reserve(1_000).is_ok(), "the pool has room for it");
        let rest = pool.try_reserve(64 * KIB - pool.leased()).expect("the rest");
        assert!(account.try_reserve(1).expect_err("nothing is left").is_exhausted());
        assert_eq!((account.leased(), account.peak(), pool.leased()), (9_000, 10_000, 64 * KIB));
        drop((reserved, blocks, rest));
        pool.set_limit(5_000);
        let reserved = pool.try_reserve(4_000).expect("room");
        let error = pool.try_reserve(1_001).expect_err("over the limit of the pool");
        assert!(
            error.is_over_limit() && error.to_string().contains("1000 of 5000 left"),
            "{error}"
        );
        drop(reserved);
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_reservation_grows_and_shrinks_to_the_byte_and_a_refused_growth_changes_nothing() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 20_000);
        let mut reserved = account.try_reserve(100).expect("room");
        reserved.try_grow_to(16_000).expect("room");
        reserved.try_grow_to(10).expect("it is there");
        assert_eq!((reserved.len(), account.leased(), pool.leased()), (16_000, 16_000, 16_000));
        reserved.try_grow_to(20_000).expect("beyond a quarter of the budget, by adding");
        let error = reserved.try_grow_to(20_001).expect_err("over the limit");
        assert!(error.is_over_limit() && error.to_string().contains("1 bytes wanted"), "{error}");
        assert!(reserved.try_grow_to(usize::MAX).expect_err("over everything").is_too_large());
        assert_eq!((reserved.len(), account.leased()), (20_000, 20_000));
        reserved.shrink_to(usize::MAX);
        reserved.shrink_to(7_777);
        assert_eq!(
            (reserved.len(), account.leased(), pool.stats().reserved),
            (7_777, 7_777, 7_777)
        );
        reserved.shrink_to(0);
        assert!(reserved.is_empty() && account.leased() == 0);
        reserved.try_grow_to(1).expect("it knows its pool");
        drop(reserved);
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn nothing_and_an_empty_reservation_charge_nothing() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let nothing = pool.account("nothing", 0);
        let mut reserved = nothing.try_reserve(0).expect("nothing is always there");
        assert!(
            reserved.is_empty()
                && reserved.try_grow_to(1).expect_err("over the limit").is_too_large()
        );
        for mut empty in [Reservation::empty(), Reservation::default()] {
            empty.shrink_to(0);
            empty.try_grow_to(0).expect("it is there");
            assert!(empty.try_grow_to(1).expect_err("no pool").is_detached());
            assert_eq!((empty.len(), empty.is_empty()), (0, true));
        }
        assert!(pool.try_reserve(usize::MAX).expect_err("too much").is_too_large());
        assert_eq!((pool.leased(), pool.stats().refused), (0, 0));
    }
}
