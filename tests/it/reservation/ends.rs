//! The end of a reservation.

use std::thread;

use leasehold::{Pool, Reservation};

use super::{KIB, MIB};
use crate::support::pools::pools;

#[test]
fn a_reservation_outlives_the_other_handles_of_its_pool() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 10_000);
        let (mut charged, uncharged) =
            (account.try_reserve(9_000).expect("room"), pool.try_reserve(1).expect("room"));
        let block = account.try_lease(0).err();
        assert!(block.is_some_and(|error| error.is_over_limit()));
        drop((pool, account));
        charged.try_grow_to(10_000).expect("the pool is open");
        assert!(charged.try_grow_to(10_001).is_err());
        let kept = thread::spawn(move || {
            drop(charged);
            uncharged
        });
        let mut kept = kept.join().expect("no panic");
        kept.try_grow_to(16 * KIB + 1).expect("the pool is empty");
        drop(kept);
    }
}

#[test]
fn a_reservation_that_is_dropped_in_a_panic_is_given_back() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 10_000);
        let panicked = thread::spawn({
            let account = account.clone();
            move || {
                let _reserved = account.try_reserve(5_000).expect("room");
                panic!("on purpose");
            }
        });
        assert!(panicked.join().is_err());
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn its_handles_are_small_and_may_move_between_threads() {
    fn assert_shared<T: Send + Sync + 'static>() {}
    assert_shared::<Reservation>();
    let word = size_of::<usize>();
    assert_eq!(size_of::<Reservation>(), 2 * word);
    assert!(size_of::<Option<Reservation>>() <= 3 * word);
    let pool = Pool::new(MIB).expect("valid");
    let reserved = pool.account("named", 10).try_reserve(7).expect("room");
    assert_eq!(format!("{reserved:?}"), "Reservation { len: 7, account: Some(\"named\") }");
    drop(reserved);
    assert_eq!(pool.leased(), 0);
}
