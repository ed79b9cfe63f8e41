//! Covers: leases out of what was reserved before.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, Waker},
    thread,
};

use leasehold::{Account, BlockMut, Pool};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::support::pools;
use pools::pools;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn lease_all(pool: &Account, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_covered_lease_is_not_charged_again() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let outer = pool.account("outer", 200 * KIB);
        let request = outer.account("request", 200 * KIB);
        let credit = request.try_reserve(100 * KIB).expect("room").into_credit();
        let block = request.try_lease(64 * KIB).expect("credited");
        assert_eq!(
            (credit.left(), request.leased(), outer.leased(), pool.leased()),
            (36 * KIB, 100 * KIB, 100 * KIB, 100 * KIB)
        );
        assert_eq!(pool.stats().reserved, 36 * KIB);
        let more = request.try_lease(64 * KIB).expect("charged, for the credit has not enough");
        assert_eq!(
            (credit.left(), request.leased(), outer.leased()),
            (36 * KIB, 164 * KIB, 164 * KIB)
        );
        let small = request.try_lease(4 * KIB).expect("credited");
        assert_eq!((credit.left(), request.leased()), (32 * KIB, 164 * KIB));
        drop(block);
        assert_eq!(
            (credit.left(), request.leased()),
            (32 * KIB, 100 * KIB),
            "what was drawn does not come back to the credit"
        );
        drop(credit);
        assert_eq!(
            (request.leased(), outer.leased(), pool.leased()),
            (68 * KIB, 68 * KIB, 68 * KIB)
        );
        drop((more, small));
        assert_eq!(
            (request.leased(), outer.leased(), pool.leased(), pool.stats().reserved),
            (0, 0, 0, 0)
        );
        assert_eq!(request.peak(), 164 * KIB);
    }
}

#[test]
fn what_is_covered_can_be_had_when_nobody_else_has_anything() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let request = pool.account("request", MIB);
        let credit = request.try_credit(256 * KIB).expect("room");
        let others = lease_all(&pool, 4 * KIB);
        assert_eq!(others.len() * 4 * KIB, 768 * KIB);
        let chain = request.try_chain(200 * KIB).expect("credited");
        let rest = lease_all(&request, 4 * KIB);
        assert!(request.try_lease(1).expect_err("no room").is_exhausted());
        assert_eq!((pool.leased(), credit.left()), (MIB, 0));
        drop((chain, rest, others, credit));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_that_others_cache_are_given_up_for_a_cover() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let request = pool.account("request", MIB);
        drop(lease_all(&pool, 4 * KIB)); // all of it is in magazines, depots and runs of the smaller class now
        let credit = request.try_credit(256 * KIB).expect("room");
        let others = lease_all(&pool, 4 * KIB);
        let credited: Vec<_> = (0..4).map(|_| request.try_lease(64 * KIB)).collect();
        // Small blocks that are leased may lie anywhere: at least nothing is lost when no run is
        // free for the larger one.
        let had = credited.iter().filter(|lease| lease.is_ok()).count();
        assert_eq!(credit.left(), 256 * KIB - had * 64 * KIB);
        drop((credited, others, credit));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn accounts_inside_are_covered_within_their_own_limits() {
    for pool in pools([4 * KIB], MIB) {
        let request = pool.account("request", 64 * KIB);
        let credit = request.try_reserve(16 * KIB).expect("room").into_credit();
        let part = request.account("part", 8 * KIB);
        let blocks = lease_all(&part, 1);
        assert_eq!(
            (blocks.len(), part.leased(), request.leased(), credit.left()),
            (2, 8 * KIB, 16 * KIB, 8 * KIB)
        );
        assert!(part.try_lease(1).expect_err("its own limit").is_over_limit());
        assert_eq!(credit.left(), 8 * KIB, "a refusal draws nothing");
        // A sibling is not credited, nor is the account around it.
        let other = pool.account("other", 64 * KIB);
        let beside = other.try_lease(1).expect("room");
        assert_eq!((other.leased(), credit.left()), (4 * KIB, 8 * KIB));
        drop((blocks, credit, beside));
        assert_eq!((part.leased(), request.leased(), pool.leased()), (0, 0, 0));
    }
}

#[test]
fn a_chain_that_cannot_be_had_whole_gives_the_cover_back() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let request = pool.account("request", 12 * KIB);
        let credit = request.try_reserve(8 * KIB).expect("room").into_credit();
        let others = lease_all(&pool, 1);
        assert!(request.try_chain(12 * KIB).is_err());
        assert_eq!((credit.left(), request.leased()), (8 * KIB, 8 * KIB));
        let chain = request.try_chain(8 * KIB).expect("credited");
        assert_eq!((credit.left(), request.leased()), (0, 8 * KIB));
        drop((chain, credit, others));
        assert_eq!((request.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn several_covers_of_an_account_are_one() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let request = pool.account("request", 64 * KIB);
        let first = request.try_reserve(8 * KIB).expect("room").into_credit();
        let second = request.try_reserve(8 * KIB).expect("room").into_credit();
        let block = request.try_lease(1).expect("credited");
        assert_eq!((first.left(), second.left()), (12 * KIB, 12 * KIB));
        drop(first);
        assert_eq!((second.left(), request.leased()), (4 * KIB, 8 * KIB));
        drop(second);
        assert_eq!(request.leased(), 4 * KIB);
        drop(block);
        assert_eq!((request.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_cover_that_cannot_be_had_says_why_and_charges_nothing() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let request = pool.account("request", 16 * KIB);
        assert!(pool.try_credit(16 * KIB + 1).expect_err("over a quarter").is_too_large());
        let credit = request.try_credit(10 * KIB).expect("room");
        assert!(request.try_credit(7 * KIB).expect_err("its limit").is_over_limit());
        let others = lease_all(&pool, 1);
        assert!(request.try_credit(6 * KIB).expect_err("no room").is_exhausted());
        assert_eq!((credit.left(), request.leased()), (10 * KIB, 10 * KIB));
        drop((credit, others));
        assert_eq!((request.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_cover_of_nothing_covers_nothing() {
    let pool = Pool::new(MIB).expect("a pool");
    let none = leasehold::Reservation::empty().into_credit();
    let empty = pool.try_reserve(0).expect("nothing is always there").into_credit();
    let block = pool.try_lease(1).expect("room");
    assert_eq!((none.left(), empty.left(), pool.leased()), (0, 0, KIB));
    drop((none, empty, block));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_covered_lease_passes_the_line_and_holds_up_nobody() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let request = pool.account("request", 64 * KIB);
        let credit = request.try_reserve(8 * KIB).expect("room").into_credit();
        let mut others = lease_all(&pool, 1);
        let mut waiter = pool.lease(1);
        assert!(poll(&mut waiter).is_pending());
        let block = request.try_lease(1).expect("credited, though somebody waits");
        assert!(poll(&mut waiter).is_pending());
        drop(credit); // what was not drawn is room for who waits
        let Poll::Ready(granted) = poll(&mut waiter) else { panic!("it is not served") };
        others.push(granted.expect("a grant"));
        drop((block, others));
        assert_eq!((request.leased(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn a_waiter_at_the_limit_is_served_out_of_the_cover_and_the_room_beside_it() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let request = pool.account("request", 16 * KIB);
        let mut held: Vec<_> = (0..2).map(|_| request.try_lease(1).expect("room")).collect();
        let credit = request.try_reserve(8 * KIB).expect("room").into_credit();
        let mut waiter = request.chain(12 * KIB);
        assert!(poll(&mut waiter).is_pending());
        assert_eq!(
            (credit.left(), request.leased()),
            (8 * KIB, 16 * KIB),
            "nothing is held while it waits"
        );
        drop(held.pop());
        let Poll::Ready(chain) = poll(&mut waiter) else {
            panic!("one block came home: it is not served")
        };
        assert_eq!((credit.left(), request.leased()), (0, 16 * KIB));
        drop((chain, credit, held));
        assert_eq!((request.leased(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn whoever_waits_is_served_out_of_a_reservation_that_becomes_a_cover() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let tenant = pool.account("tenant", 32 * KIB);
        let request = tenant.account("request", 16 * KIB);
        let part = request.account("part", 16 * KIB);
        // At the limit of the account, at that of the one around it, and for the pool.
        for (beside, is_full) in [(&request, false), (&tenant, false), (&pool, true)] {
            let room = request.try_reserve(8 * KIB).expect("room");
            let held = lease_all(beside, 1);
            let mut waiter = part.chain(8 * KIB);
            assert!(poll(&mut waiter).is_pending());
            assert_eq!(pool.stats().leased == pool.budget(), is_full);
            let credit = room.into_credit();
            let Poll::Ready(chain) = poll(&mut waiter) else {
                panic!("{beside:?}: it is not served")
            };
            assert_eq!((credit.left(), part.leased()), (0, 8 * KIB));
            drop((chain, credit, held));
            assert_eq!((tenant.leased(), pool.leased()), (0, 0));
        }
    }
}

/// Leases, reservations and credits come and go on several threads: whatever happens, all of it
/// comes home.
#[test]
fn covers_under_stress_leave_nothing_behind() {
    let seed: u64 = std::env::var("LEASEHOLD_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("LEASEHOLD_SEED={seed}");
    for pool in pools([KIB, 4 * KIB, 20 * KIB, 64 * KIB], MIB) {
        let shared = pool.account("shared", 512 * KIB);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for index in 0..3 {
                let (pool, shared, over) = (&pool, &shared, &over);
                scope.spawn(move || {
                    let mut rng = SmallRng::seed_from_u64(seed.wrapping_add(index));
                    let mut blocks = Vec::new();
                    for _ in 0..2_000 {
                        // One account for all threads, or one for each request.
                        let own = pool.account("own", 256 * KIB);
                        let request = if rng.random_bool(0.5) { shared } else { &own };
                        let credit = request
                            .try_reserve(rng.random_range(0..128 * KIB))
                            .ok()
                            .map(|room| room.into_credit());
                        for _ in 0..rng.random_range(0..4) {
                            match rng.random_range(0..3) {
                                0 => blocks.extend(
                                    request
                                        .try_lease(rng.random_range(1..64 * KIB))
                                        .map(|block| vec![block]),
                                ),
                                1 => drop(request.try_chain(rng.random_range(1..200 * KIB))),
                                _ => drop(request.try_reserve(rng.random_range(1..64 * KIB))),
                            }
                        }
                        over.fetch_or(
                            shared.leased() > 512 * KIB || own.leased() > 256 * KIB,
                            Relaxed,
                        );
                        if rng.random_bool(0.3) {
                            blocks.clear();
                        }
                        drop(credit);
                        if own.leased() == 0 {
                            assert!(own.peak() <= 256 * KIB);
                        }
                    }
                });
            }
        });
        assert!(!over.load(Relaxed), "an account was over its limit");
        assert!(shared.peak() <= 512 * KIB);
        assert_eq!((shared.leased(), pool.leased(), pool.stats().reserved), (0, 0, 0));
        assert!(pool.stats().mapped <= pool.budget());
    }
}
