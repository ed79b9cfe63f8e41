//! Reservations: bytes that belong to no block and count in the budget, in the accounts and in the
//! queue.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use leasehold::{Account, BlockMut, Pool, Reservation};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::support::pools;
use pools::{builders, pools};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What a wait was granted by now.
fn granted<T, E: std::fmt::Debug>(future: &mut (impl Future<Output = Result<T, E>> + Unpin)) -> T {
    match poll(future) {
        Poll::Ready(granted) => granted.expect("a grant"),
        Poll::Pending => panic!("not granted yet"),
    }
}

/// Blocks until the pool has none left.
fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

/// Reserves in parts that may be reserved at once.
fn reserve(pool: &Pool, len: usize) -> Reservation {
    let mut reserved = pool.try_reserve(0).expect("nothing is always there");
    while reserved.len() < len {
        let next = len.min(reserved.len() + pool.budget() / 4);
        reserved.try_grow_to(next).expect("room");
    }
    reserved
}

// ---- what it counts in --------------------------------------------------------------------------

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

// ---- growing and shrinking ----------------------------------------------------------------------

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

// ---- waiting ------------------------------------------------------------------------------------

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

// ---- its end ------------------------------------------------------------------------------------

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

// ---- many at once -------------------------------------------------------------------------------

#[test]
fn threads_that_lease_and_reserve_never_pass_the_budget_together_and_lose_nothing() {
    let seed: u64 = std::env::var("LEASEHOLD_SEED")
        .map_or_else(|_| rand::random(), |seed| seed.parse().expect("a number"));
    println!("LEASEHOLD_SEED={seed}");
    for builder in builders() {
        let budget = MIB + 777;
        let pool = builder
            .classes([KIB, 4 * KIB, 64 * KIB])
            .budget(budget)
            .magazine(64 * KIB)
            .build()
            .expect("valid");
        let tenant = pool.account("tenant", 600 * KIB);
        let accounts =
            [Account::clone(&pool), tenant.clone(), tenant.account("connection", 100 * KIB)];
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|worker| {
                    let accounts = &accounts;
                    scope.spawn(move || {
                        let mut rng = SmallRng::seed_from_u64(seed.wrapping_add(worker));
                        let (mut blocks, mut reserved) = (Vec::new(), Vec::new());
                        for _ in 0..5000 {
                            let account = &accounts[rng.random_range(0..accounts.len())];
                            match rng.random_range(0..8) {
                                0..3 => {
                                    blocks.extend(account.try_lease(rng.random_range(0..=64 * KIB)))
                                }
                                3..6 => reserved
                                    .extend(account.try_reserve(rng.random_range(0..=100 * KIB))),
                                6 if !reserved.is_empty() => {
                                    let index = rng.random_range(0..reserved.len());
                                    let one: &mut Reservation = &mut reserved[index];
                                    let len = rng.random_range(0..=100 * KIB);
                                    one.shrink_to(len);
                                    let _ = one.try_grow_to(len);
                                }
                                _ => {
                                    blocks.truncate(blocks.len() / 2);
                                    reserved.truncate(reserved.len() / 2);
                                }
                            }
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    let stats = pool.stats();
                    // `leased` leaves out what is cached, which is read a moment earlier.
                    assert!(
                        stats.leased <= budget
                            && stats.reserved <= budget
                            && stats.mapped <= budget,
                        "{stats:?}"
                    );
                    thread::yield_now();
                }
            });
            let outcomes: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            is_over.store(true, Relaxed);
            outcomes.into_iter().for_each(|outcome| outcome.expect("no panic"));
        });
        assert!(
            pool.peak() <= budget && tenant.peak() <= 600 * KIB && accounts[2].peak() <= 100 * KIB
        );
        assert!(accounts.iter().all(|account| account.leased() == 0));
        let all = reserve(&pool, budget);
        assert!(pool.try_reserve(1).is_err() && pool.try_lease(0).is_err());
        drop(all);
        assert_eq!((pool.leased(), pool.stats().reserved), (0, 0));
    }
}

#[test]
fn tasks_that_wait_for_blocks_and_for_room_all_get_them() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .expect("a runtime");
    for builder in builders() {
        let pool = builder.classes([KIB, 4 * KIB]).budget(32 * KIB).build().expect("valid");
        let tenants: Vec<Account> =
            (0..2).map(|index| pool.account(format!("tenant {index}"), 20 * KIB)).collect();
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let tenant = tenants[task % 2].clone();
                runtime.spawn(async move {
                    for round in 0..300 {
                        if (task + round) % 3 == 0 {
                            let block = tenant.lease(4 * KIB).await.expect("within half a minute");
                            tokio::task::yield_now().await;
                            drop(block);
                        } else if round % 7 == 0 {
                            // Gives up after a moment, or is granted meanwhile.
                            let _ = tokio::time::timeout(
                                Duration::from_micros(50),
                                tenant.reserve(5_000),
                            )
                            .await;
                        } else {
                            let reserved =
                                tenant.reserve(round * 27).await.expect("within half a minute");
                            tokio::task::yield_now().await;
                            drop(reserved);
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).expect("no panic");
        }
        assert!(tenants.iter().all(|tenant| tenant.leased() == 0 && tenant.peak() <= 20 * KIB));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}
