//! Many threads at random: every byte is checked, every block comes home. `LEASEHOLD_SEED` repeats
//! a run.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bytes::{Buf, BufMut};
use leasehold::{Account, Block, BlockMut};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::support::pools;
use crate::support::seed;
use pools::builders;

const KIB: usize = 1 << 10;
const THREADS: usize = 4;

fn random_len(rng: &mut SmallRng) -> usize {
    let most =
        [KIB, 4 * KIB, 20 * KIB, 64 * KIB, 256 * KIB][rng.random_range(0..14usize).min(9) / 2];
    rng.random_range(0..=most)
}

/// Fills part of a block with one mark, which is also its first byte.
fn fill(rng: &mut SmallRng, block: &mut BlockMut) {
    let mark = rng.random();
    let len = rng.random_range(1..=block.capacity().min(8 * KIB));
    block.put_bytes(mark, len);
}

fn assert_uniform(bytes: &[u8]) {
    if let Some(mark) = bytes.first() {
        assert!(bytes.iter().all(|byte| byte == mark), "somebody else wrote here");
    }
}

/// One thing that may be done with a shared handle; what is left of it comes back.
fn handle(rng: &mut SmallRng, mut block: Block, accounts: &[Account]) -> Option<Block> {
    assert_uniform(&block);
    match rng.random_range(0..8) {
        0 => return None,
        1 => {
            let at = rng.random_range(0..=block.len());
            assert_uniform(&block.split_to(at));
        }
        2 => {
            let at = rng.random_range(0..=block.len());
            block.advance(at);
        }
        3 => {
            // Refused where the account is full; then the charge stays.
            let _ = block.charge_to(&accounts[rng.random_range(0..accounts.len())]);
        }
        4 => {
            block = match block.try_into_mut() {
                Ok(mut alone) => {
                    alone.clear();
                    alone.try_reclaim(KIB);
                    if alone.capacity() > 0 {
                        fill(rng, &mut alone);
                    }
                    alone.freeze()
                }
                Err(shared) => shared,
            };
        }
        5 => drop(block.clone().into_bytes().slice(..)),
        _ => {}
    }
    (!block.is_empty()).then_some(block)
}

#[test]
fn threads_that_lease_share_split_and_trade_blocks_lose_none_and_overwrite_none() {
    let seed = seed();
    for builder in builders() {
        let pool = builder
            .classes([KIB, 4 * KIB, 20 * KIB, 64 * KIB, 256 * KIB])
            .budget(3 * KIB * KIB + 12_345)
            .magazine(128 * KIB)
            .build()
            .expect("valid");
        let tenant = pool.account("tenant", 2 * KIB * KIB);
        let mut accounts =
            vec![Account::clone(&pool), tenant.clone(), pool.account("small", 100 * KIB)];
        accounts
            .extend((0..3).map(|index| tenant.account(format!("connection {index}"), 700 * KIB)));
        let market: Mutex<Vec<Block>> = Mutex::new(Vec::new());
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|worker| {
                    let (accounts, market, pool) = (&accounts, &market, &pool);
                    scope.spawn(move || {
                        let mut rng = SmallRng::seed_from_u64(seed.wrapping_add(worker as u64));
                        let mut mine: Vec<Block> = Vec::new();
                        for _ in 0..4000 {
                            let account = &accounts[rng.random_range(0..accounts.len())];
                            if let Ok(mut block) = account.try_lease(random_len(&mut rng)) {
                                fill(&mut rng, &mut block);
                                mine.push(block.freeze());
                            }
                            if !mine.is_empty() {
                                let block = mine.swap_remove(rng.random_range(0..mine.len()));
                                mine.extend(handle(&mut rng, block, accounts));
                            }
                            if let Some(block) = mine.last().filter(|_| rng.random_ratio(1, 4)) {
                                let mut market = market.lock().expect("no panic");
                                market.push(block.clone());
                                mine.extend(market.pop());
                                if rng.random() {
                                    mine.extend(market.pop());
                                }
                            }
                            if rng.random_ratio(1, 500) {
                                mine.clear();
                            }
                            if rng.random_ratio(1, 1000) {
                                let stats = pool.stats();
                                assert!(stats.mapped <= stats.budget);
                            }
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    pool.trim();
                    thread::yield_now();
                }
            });
            let outcomes: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            is_over.store(true, Relaxed);
            outcomes.into_iter().for_each(|outcome| outcome.expect("no panic"));
        });
        drop(market);
        assert!(accounts[2].peak() <= 100 * KIB && tenant.peak() <= 2 * KIB * KIB);
        assert!(accounts.iter().all(|account| account.leased() == 0));
        let stats = pool.stats();
        println!(
            "cache_flushes {}, trimmed {}, refused {}",
            stats.cache_flushes, stats.trimmed, stats.refused
        );
        pool.trim();
        assert_eq!((pool.stats().mapped, pool.leased()), (0, 0));
    }
}

#[test]
fn tasks_that_wait_for_memory_all_get_it_or_give_up_in_order() {
    let seed = seed();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a runtime");
    for builder in builders() {
        let pool =
            builder.classes([KIB, 4 * KIB, 64 * KIB]).budget(256 * KIB).build().expect("valid");
        let tenants: Vec<Account> =
            (0..3).map(|index| pool.account(format!("tenant {index}"), 96 * KIB)).collect();
        let maintaining = runtime.spawn(pool.maintain());
        let tasks: Vec<_> = (0..32)
            .map(|task| {
                let tenant = tenants[task % 3].clone();
                let mut rng = SmallRng::seed_from_u64(seed.wrapping_add(task as u64));
                runtime.spawn(async move {
                    let mut granted = 0;
                    for _ in 0..300 {
                        let len = [KIB, 4 * KIB, 4 * KIB, 64 * KIB][rng.random_range(0..4usize)];
                        if rng.random_ratio(1, 8) {
                            // Gives up after a moment, or is granted meanwhile.
                            let _ =
                                tokio::time::timeout(Duration::from_micros(50), tenant.lease(len))
                                    .await;
                            continue;
                        }
                        let mut block = tenant.lease(len).await.expect("within half a minute");
                        fill(&mut rng, &mut block);
                        tokio::task::yield_now().await;
                        assert_uniform(&block);
                        granted += 1;
                        if rng.random() {
                            tokio::task::spawn_blocking(move || drop(block));
                        }
                    }
                    granted
                })
            })
            .collect();
        for task in tasks {
            assert!(runtime.block_on(task).expect("no panic") > 100);
        }
        while pool.leased() > 0 {
            thread::yield_now();
        }
        assert_eq!(pool.stats().waiting, 0);
        assert!(tenants.iter().all(|tenant| tenant.leased() == 0 && tenant.peak() <= 96 * KIB));
        drop((pool, tenants));
        runtime.block_on(maintaining).expect("it ends with the last handle");
    }
}
