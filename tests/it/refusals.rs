//! Asks for memory that are refused on purpose.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use leasehold::{Account, LeaseError, Pool};

use crate::support::pools;
use pools::pools;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Asks, and lets go of what it got.
type Ask = fn(&Account) -> Result<(), LeaseError>;

/// What a future says at its first poll.
fn first<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn passed<T>(polled: Poll<Result<T, LeaseError>>) -> bool {
    matches!(polled, Poll::Ready(Err(error)) if error.is_deadline_passed())
}

#[test]
fn every_way_to_ask_is_refused_and_charges_nothing() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let account = pool.account("account", MIB);
        let tries: [(&str, Ask); 6] = [
            ("try_lease", |pool| pool.try_lease(100).map(drop)),
            ("try_chain of one block", |pool| pool.try_chain(100).map(drop)),
            ("try_chain", |pool| pool.try_chain(100 * KIB).map(drop)),
            ("try_reserve", |pool| pool.try_reserve(100).map(drop)),
            ("try_credit", |pool| pool.try_credit(100).map(drop)),
            ("Reservation::try_grow_to", |pool| {
                pool.try_reserve(0).and_then(|mut nothing| nothing.try_grow_to(100))
            }),
        ];
        for (name, ask) in tries {
            ask(&account).unwrap_or_else(|error| panic!("{name} before: {error}"));
            let refusals = account.refuse_nth(0);
            let error = ask(&account).expect_err(name);
            assert!(error.is_exhausted(), "{name}: {error}");
            assert_eq!(refusals.count(), 1, "{name}");
            ask(&account).unwrap_or_else(|error| panic!("{name} after: {error}"));
        }
        let refusals = account.refuse_every(1);
        assert!(passed(first(account.lease(100))));
        assert!(passed(first(account.lease_timeout(100, Duration::MAX))));
        assert!(passed(first(account.chain(100))));
        assert!(passed(first(account.reserve(100))));
        assert_eq!(refusals.count(), 4);
        assert_eq!((account.leased(), pool.leased()), (0, 0));
        assert_eq!(pool.stats().refused, 10);
    }
}

#[test]
fn asks_for_nothing_are_no_asks() {
    let pool = Pool::new(MIB).expect("a pool");
    let refusals = pool.refuse_every(1);
    assert!(pool.try_chain(0).is_ok() && pool.try_reserve(0).is_ok());
    assert_eq!(refusals.count(), 0);
}

#[test]
fn the_nth_is_refused_and_no_other() {
    let pool = Pool::new(MIB).expect("a pool");
    for nth in 0..5 {
        let refusals = pool.refuse_nth(nth);
        let asked: Vec<bool> = (0..8).map(|_| pool.try_lease(1).is_ok()).collect();
        assert!(asked.iter().enumerate().all(|(at, &had)| had == (at != nth)), "{nth}: {asked:?}");
        assert_eq!(refusals.count(), 1);
    }
    assert!(pool.try_lease(1).is_ok(), "refusals end with what stands for them");
}

#[test]
fn each_third_is_refused() {
    let pool = Pool::new(MIB).expect("a pool");
    let refusals = pool.refuse_every(3);
    let asked: Vec<bool> = (0..7).map(|_| pool.try_lease(1).is_ok()).collect();
    assert_eq!(asked, [true, true, false, true, true, false, true]);
    assert_eq!(refusals.count(), 2);
}

#[test]
fn accounts_inside_are_refused_and_others_are_not() {
    let pool = Pool::new(MIB).expect("a pool");
    let (tenant, other) = (pool.account("tenant", MIB), pool.account("other", MIB));
    let user = tenant.account("user", MIB);
    let of_tenant = tenant.refuse_every(1);
    let of_user = user.refuse_nth(1);
    assert!(
        user.try_lease(1).is_err() && tenant.try_lease(1).is_err() && user.try_lease(1).is_err()
    );
    assert!(other.try_lease(1).is_ok() && pool.try_lease(1).is_ok());
    assert_eq!((of_tenant.count(), of_user.count()), (3, 1), "each plan hears of each ask");
    drop(of_tenant);
    assert!(user.try_lease(1).is_ok());
    let again = user.refuse_every(1);
    drop(of_user);
    assert!(user.try_lease(1).is_err(), "one of two plans is left");
    drop(again);
    assert!(user.try_lease(1).is_ok());
}

#[test]
fn covers_are_exact_while_asks_are_refused() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let request = pool.account("request", MIB);
        let credit = request.try_credit(100 * KIB).expect("room");
        let refusals = request.refuse_nth(1);
        let block = request.try_lease(64 * KIB).expect("credited");
        assert_eq!((credit.left(), request.leased()), (36 * KIB, 100 * KIB));
        assert!(request.try_lease(4 * KIB).is_err(), "a lease that is credited is refused as well");
        assert_eq!((credit.left(), request.leased()), (36 * KIB, 100 * KIB));
        let second = request.try_credit(8 * KIB).expect("room");
        assert_eq!(credit.left(), 44 * KIB, "of both");
        drop(refusals);
        assert_eq!(credit.left(), 44 * KIB);
        drop((second, credit, block));
        assert_eq!((request.leased(), pool.leased(), pool.stats().reserved), (0, 0, 0));
    }
}

#[tokio::test]
async fn those_who_wait_already_are_served() {
    let pool = Pool::builder().budget(64 * KIB).classes([64 * KIB]).build().expect("a pool");
    let held = pool.try_lease(1).expect("free");
    let mut waiting = Box::pin(pool.lease(1));
    assert!(first(&mut waiting).is_pending());
    let refusals = pool.refuse_every(1);
    drop(held);
    assert!(waiting.await.is_ok());
    assert_eq!(refusals.count(), 0);
}
