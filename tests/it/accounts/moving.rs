//! Charges that move to another account.

use std::thread;

use bytes::BufMut;
use leasehold::{Account, Chain, ChainMut, Pool};

use super::KIB;
use crate::support::pools::pools;

#[test]
fn a_charge_moves_between_siblings_even_where_their_parent_is_full() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let parent = pool.account("parent", 4 * KIB);
        let (left, right) = (parent.account("left", 4 * KIB), parent.account("right", 4 * KIB));
        let block = left.try_lease(1).expect("free");
        block.charge_to(&right).expect("the parent's charge does not change");
        assert_eq!((left.leased(), right.leased(), parent.leased()), (0, 4 * KIB, 4 * KIB));
        block.charge_to(&right).expect("to where it is");
        block.charge_to(&parent).expect("up");
        assert_eq!((right.leased(), parent.leased()), (0, 4 * KIB));
        block.charge_to(&pool).expect("up to the pool");
        assert_eq!((parent.leased(), pool.leased()), (0, 4 * KIB));
        block.charge_to(&left).expect("down again");
        assert_eq!((left.leased(), parent.leased(), pool.leased()), (4 * KIB, 4 * KIB, 4 * KIB));
        drop(block);
        assert_eq!((left.leased(), parent.leased(), pool.leased()), (0, 0, 0));
    }
}

#[test]
fn a_charge_does_not_move_over_a_limit_or_to_another_pool() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let (left, right) = (pool.account("left", 8 * KIB), pool.account("right", 4 * KIB));
        let there = right.try_lease(1).expect("free");
        let mut block = left.try_lease(1).expect("free");
        block.put_u8(7);
        assert!(block.charge_to(&right).expect_err("full").is_over_limit());
        let block = block.freeze();
        let deep = right.account("deep", 8 * KIB);
        assert!(block.charge_to(&deep).expect_err("full above").is_over_limit());
        assert_eq!((left.leased(), right.leased(), deep.leased()), (4 * KIB, 4 * KIB, 0));
        let other = Pool::new(1 << 20).expect("valid");
        let error = block.charge_to(&other).expect_err("another pool");
        assert!(!error.is_over_limit() && error.to_string().contains("another pool"));
        drop(there);
        block.clone().charge_to(&right).expect("room again");
        assert_eq!((left.leased(), right.leased()), (0, 4 * KIB));
        drop(block);
        assert_eq!((right.leased(), pool.leased(), other.leased()), (0, 0, 0));
    }
}

/// A chain of `count` full blocks of 4 KiB, leased from `pool`.
fn full_blocks(pool: &Account, count: usize) -> Chain {
    let blocks = (0..count).map(|_| {
        let mut block = pool.try_lease(4 * KIB).expect("free");
        block.put_bytes(7, 4 * KIB);
        block.freeze()
    });
    blocks.collect()
}

#[test]
fn the_charges_of_a_chain_move_together_or_not_at_all() {
    for pool in pools([4 * KIB], 128 * KIB) {
        let parent = pool.account("parent", 24 * KIB);
        let (left, right) = (parent.account("left", 24 * KIB), parent.account("right", 16 * KIB));
        let outside = pool.account("outside", 12 * KIB);
        let mut chain = full_blocks(&left, 3);
        chain.append(full_blocks(&pool, 1));
        chain.append(full_blocks(&parent, 1));
        chain.push(bytes::Bytes::from_static(b"charged to nobody"));
        let charges = || [&left, &right, &parent, &outside, &pool].map(Account::leased);
        let before = charges();
        assert_eq!(before, [12 * KIB, 0, 16 * KIB, 0, 20 * KIB]);
        let error = chain.charge_to(&right).expect_err("four of five fit");
        assert!(error.is_over_limit(), "{error}");
        assert!(error.to_string().contains("20480 bytes wanted, 16384 of 16384 left"), "{error}");
        assert!(
            chain
                .charge_to(&outside.account("deep", 64 * KIB))
                .expect_err("full above")
                .is_over_limit()
        );
        assert_eq!((charges(), right.peak(), outside.peak()), (before, 0, 0), "nothing has moved");
        right.set_limit(20 * KIB);
        chain.charge_to(&right).expect("room");
        assert_eq!(charges(), [0, 20 * KIB, 20 * KIB, 0, 20 * KIB]);
        assert_eq!((right.peak(), parent.peak()), (20 * KIB, 20 * KIB));
        chain.charge_to(&right).expect("to where it is");
        chain.charge_to(&pool).expect("up");
        assert_eq!(charges(), [0, 0, 0, 0, 20 * KIB]);
        drop(chain);
        assert_eq!(charges(), [0; 5]);
    }
}

#[test]
fn shares_of_one_block_in_a_chain_are_charged_once() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let (left, right) = (pool.account("left", 8 * KIB), pool.account("right", 8 * KIB));
        let mut chain = full_blocks(&left, 2);
        let tail = chain.split_off(1_000);
        chain.append(tail.clone());
        chain.append(tail);
        assert_eq!(chain.segment_count(), 5);
        let held = right.try_lease(1).expect("free");
        let error = chain.charge_to(&right).expect_err("one of two fits");
        assert!(error.to_string().contains("8192 bytes wanted, 4096 of 8192 left"), "{error}");
        assert_eq!((left.leased(), right.leased()), (8 * KIB, 4 * KIB));
        drop(held);
        chain.slice(500..).charge_to(&right).expect("room for two");
        assert_eq!((left.leased(), right.leased()), (0, 8 * KIB));
        Chain::new().charge_to(&left).expect("nothing to move");
        drop(chain);
        assert_eq!((right.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn the_charges_of_a_chain_being_written_move_with_its_room() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let (left, right) = (pool.account("left", 64 * KIB), pool.account("right", 16 * KIB));
        let mut chain = left.try_chain(12 * KIB).expect("free");
        chain.put_bytes(7, 5 * KIB);
        chain.append(full_blocks(&pool, 1));
        chain.put_bytes(7, 100);
        chain.charge_to(&right).expect("room for four");
        assert_eq!((left.leased(), right.leased(), pool.leased()), (0, 16 * KIB, 16 * KIB));
        let room = chain.remaining_mut();
        chain.try_reserve(room + 1).expect("free");
        assert_eq!(
            (left.leased(), right.leased()),
            (4 * KIB, 16 * KIB),
            "what comes later is charged as before"
        );
        assert!(chain.charge_to(&right).expect_err("full").is_over_limit());
        ChainMut::new(&left).charge_to(&right).expect("nothing to move");
        drop(chain);
        assert_eq!((left.leased(), right.leased(), pool.leased()), (0, 0, 0));
    }
}

#[test]
fn a_chain_with_a_block_of_another_pool_stays_where_it_is_charged() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let other = Pool::new(1 << 20).expect("valid");
        let account = pool.account("account", 64 * KIB);
        let mut chain = full_blocks(&pool, 1);
        chain.append(full_blocks(&other, 1));
        assert!(chain.charge_to(&account).expect_err("another pool").is_other_pool());
        assert_eq!((account.leased(), pool.leased(), other.leased()), (0, 4 * KIB, 4 * KIB));
        drop(chain);
        assert_eq!((pool.leased(), other.leased()), (0, 0));
    }
}

#[test]
fn chains_that_threads_move_between_full_accounts_lose_no_charge() {
    for pool in pools([KIB, 4 * KIB], 256 * KIB) {
        let parent = pool.account("parent", 40 * KIB);
        let accounts = [
            parent.account("one", 20 * KIB),
            parent.account("two", 20 * KIB),
            pool.account("three", 20 * KIB),
        ];
        thread::scope(|scope| {
            for index in 0..3 {
                let accounts = &accounts;
                scope.spawn(move || {
                    for step in 0..3000 {
                        let Ok(mut chain) = accounts[(index + step) % 3].try_chain(9 * KIB) else {
                            continue;
                        };
                        chain.put_bytes(7, 9 * KIB);
                        let mut chain = chain.freeze();
                        let other = chain.split_off(5 * KIB);
                        for to in 0..3 {
                            // Refused where the account is full; then all charges stay.
                            let _ = chain.charge_to(&accounts[(index + to) % 3]);
                            let _ = other.charge_to(&accounts[(step + to) % 3]);
                        }
                    }
                });
            }
        });
        assert!(accounts.iter().all(|account| account.leased() == 0 && account.peak() <= 20 * KIB));
        assert!(parent.peak() <= 40 * KIB);
        assert_eq!((parent.leased(), pool.leased()), (0, 0));
    }
}
