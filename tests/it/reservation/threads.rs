//! Threads and tasks that lease and reserve at once.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use leasehold::{Account, Reservation};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{KIB, MIB, reserve};
use crate::support::pools::builders;

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
