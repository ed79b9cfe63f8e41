//! Accounts: who is charged, nested limits, and charges that move.

use std::thread;

use bytes::BufMut;
use leasehold::{Account, BlockMut, Chain, ChainMut, Pool};

use crate::support::pools;
use pools::pools;

const KIB: usize = 1 << 10;

#[test]
fn an_account_is_charged_the_capacity_of_its_blocks_and_so_are_those_above() {
    for pool in pools([KIB, 4 * KIB], 128 * KIB) {
        let listener = pool.account("listener", 32 * KIB);
        let tenant = listener.account("tenant", 16 * KIB);
        let connection = tenant.account("connection", 8 * KIB);
        let block = connection.try_lease(1025).expect("free");
        for account in [&pool, &listener, &tenant, &connection] {
            assert_eq!(account.leased(), 4 * KIB, "{}", account.name());
        }
        let other = tenant.try_lease(1).expect("free");
        assert_eq!((tenant.leased(), connection.leased()), (5 * KIB, 4 * KIB));
        drop((block, other));
        for account in [&listener, &tenant, &connection] {
            assert_eq!((account.leased(), account.peak() > 0), (0, true));
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_limit_holds_inside_the_limits_above_it() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let outer = pool.account("outer", 12 * KIB);
        let inner = outer.account("inner", usize::MAX);
        let innermost = inner.account("innermost", 8 * KIB);
        let mut blocks: Vec<BlockMut> =
            (0..2).map(|_| innermost.try_lease(1).expect("within")).collect();
        let error = innermost.try_lease(1).expect_err("over its own limit");
        assert!(error.is_over_limit() && !error.is_exhausted() && !error.is_too_large());
        assert!(error.to_string().contains("0 of 8192 left"), "{error}");
        blocks.push(inner.try_lease(1).expect("within"));
        let error = inner.try_lease(1).expect_err("over the limit above");
        assert!(error.is_over_limit() && error.to_string().contains("0 of 12288 left"), "{error}");
        assert_eq!(
            (outer.leased(), inner.leased(), innermost.leased()),
            (12 * KIB, 12 * KIB, 8 * KIB)
        );
        blocks.push(pool.try_lease(1).expect("the pool has more"));
        drop(blocks);
        assert_eq!((outer.leased(), inner.leased(), innermost.leased()), (0, 0, 0));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_refusal_above_leaves_nothing_charged_below() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let outer = pool.account("outer", 4 * KIB);
        let inner = outer.account("inner", 64 * KIB).account("innermost", 64 * KIB);
        let block = outer.try_lease(1).expect("free");
        assert!(inner.try_lease(1).expect_err("the outer one is full").is_over_limit());
        assert_eq!((inner.leased(), outer.leased()), (0, 4 * KIB));
        drop(block);
        drop(inner.try_lease(1).expect("room again"));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_length_over_any_limit_is_too_large_at_once() {
    for pool in pools([KIB, 4 * KIB], 64 * KIB) {
        let inner = pool.account("outer", 3 * KIB).account("inner", 32 * KIB);
        let error = inner.try_lease(2 * KIB).expect_err("the class is over the limit above");
        assert!(error.is_too_large() && error.to_string().contains("the most is 1024"), "{error}");
        assert!(
            pool.account("nothing", 0).try_lease(0).expect_err("no room at all").is_too_large()
        );
        assert_eq!((inner.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_limit_can_be_changed_under_leased_blocks() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 16 * KIB);
        let mut blocks: Vec<BlockMut> =
            (0..4).map(|_| account.try_lease(1).expect("within")).collect();
        account.set_limit(8 * KIB);
        assert_eq!((account.limit(), account.leased()), (8 * KIB, 16 * KIB));
        blocks.truncate(2);
        assert!(account.try_lease(1).expect_err("still at the limit").is_over_limit());
        blocks.truncate(1);
        blocks.push(account.try_lease(1).expect("below it now"));
        account.set_limit(12 * KIB);
        blocks.push(account.try_lease(1).expect("raised"));
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_lower_limit_of_the_pool_holds_for_blocks_that_come_home_after_it() {
    for pool in pools([KIB], 64 * KIB) {
        let mut blocks: Vec<BlockMut> =
            (0..8).map(|_| pool.try_lease(1).expect("within")).collect();
        pool.set_limit(4 * KIB);
        blocks.truncate(6);
        assert!(pool.try_lease(1).expect_err("above it still").is_over_limit());
        blocks.truncate(3);
        blocks.push(pool.try_lease(1).expect("below it now"));
        assert!(pool.try_lease(1).expect_err("at the limit").is_over_limit());
        assert_eq!(pool.leased(), 4 * KIB);
        drop(blocks);
        assert_eq!(
            (pool.leased(), pool.stats().cached),
            (0, 4 * KIB),
            "below the limit magazines work again"
        );
    }
}

#[test]
fn the_peak_of_an_account_is_what_it_really_held_at_most() {
    for pool in pools([KIB, 4 * KIB], 128 * KIB) {
        let outer = pool.account("outer", 8 * KIB);
        let inner = outer.account("inner", 16 * KIB);
        let block = inner.try_lease(KIB).expect("free");
        drop(inner.try_lease(4 * KIB).expect("free"));
        drop(block);
        assert_eq!((inner.peak(), outer.peak(), inner.leased()), (5 * KIB, 5 * KIB, 0));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_refused_lease_does_not_raise_the_peak() {
    for pool in pools([KIB, 4 * KIB], 8 * KIB) {
        let outer = pool.account("outer", KIB);
        let inner = outer.account("inner", 16 * KIB);
        assert!(inner.try_lease(4 * KIB).is_err());
        assert_eq!((inner.peak(), outer.peak()), (0, 0), "refused above");
        let all: Vec<BlockMut> = (0..2).map(|_| pool.try_lease(4 * KIB).expect("free")).collect();
        assert!(outer.try_lease(KIB).expect_err("all is out").is_exhausted());
        assert_eq!(outer.peak(), 0, "nothing was free");
        drop(all);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_split_block_stays_on_its_account_until_the_last_handle_goes() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 4 * KIB);
        let mut tail = account.try_lease(1).expect("free");
        tail.put_slice(b"head and tail");
        let head = tail.split_to(4).freeze();
        let word = head.slice(1..3);
        drop(head);
        assert_eq!(account.leased(), 4 * KIB);
        drop(tail);
        assert_eq!(account.leased(), 4 * KIB);
        assert_eq!((&word[..], word.block_capacity()), (&b"ea"[..], 4 * KIB));
        drop(word);
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

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

#[test]
fn a_block_refunds_its_account_after_the_last_handle_to_it_is_gone() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let parent = pool.account("parent", 8 * KIB);
        let block = parent
            .account("child", 4 * KIB)
            .account("grandchild", 4 * KIB)
            .try_lease(1)
            .expect("free");
        assert_eq!(parent.leased(), 4 * KIB);
        assert_eq!(pool.stats().accounts.len(), 3, "the accounts live by the block");
        thread::spawn(move || drop(block)).join().expect("no panic");
        assert_eq!((parent.leased(), pool.leased()), (0, 0));
        assert!(pool.stats().accounts.is_empty());
    }
}

#[test]
fn statistics_name_the_largest_accounts_first() {
    for pool in pools([KIB], 64 * KIB) {
        let accounts: Vec<Account> =
            (0..10).map(|index| pool.account(format!("account {index}"), 32 * KIB)).collect();
        let mut blocks = Vec::new();
        for (index, account) in accounts.iter().enumerate() {
            blocks.extend((0..index).map(|_| account.try_lease(1).expect("free")));
        }
        let largest = pool.stats().accounts;
        assert_eq!(largest.len(), leasehold::Stats::LARGEST_ACCOUNTS);
        assert_eq!(
            (largest[0].name.as_str(), largest[0].leased, largest[0].limit, largest[0].peak),
            ("account 9", 9 * KIB, 32 * KIB, 9 * KIB)
        );
        assert!(largest.is_sorted_by(|a, b| a.leased >= b.leased));
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn threads_on_one_account_never_pass_its_limit_and_lose_no_charge() {
    for pool in pools([KIB, 4 * KIB], 256 * KIB) {
        let parent = pool.account("parent", 12 * KIB);
        thread::scope(|scope| {
            for index in 0..4 {
                let account = parent.account("child", 8 * KIB);
                let (parent, pool) = (&parent, &pool);
                scope.spawn(move || {
                    let mut held = Vec::new();
                    for step in 0..2000 {
                        if let Ok(block) = account.try_lease([KIB, 4 * KIB][(step + index) % 2]) {
                            held.push(block);
                        }
                        assert!(parent.leased() <= 12 * KIB && account.leased() <= 8 * KIB);
                        if let Some(block) = held.last().filter(|_| step % 7 == 0) {
                            block.charge_to(pool).expect("the pool's own account has room");
                        }
                        if step % 3 == 0 {
                            held.clear();
                        }
                    }
                });
            }
        });
        assert!(parent.peak() <= 12 * KIB);
        assert_eq!((parent.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn accounts_nested_to_any_depth_end_with_the_innermost() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let mut innermost = pool.account("outermost", 64 * KIB);
        for _ in 0..100_000 {
            innermost = innermost.account("nested", 64 * KIB);
        }
        let block = innermost.try_lease(1).expect("free");
        drop(innermost);
        assert_eq!(pool.stats().accounts.len(), leasehold::Stats::LARGEST_ACCOUNTS);
        drop(block);
        assert_eq!((pool.leased(), pool.stats().accounts.len()), (0, 0));
        // Without a block it is the handle that ends them all.
        let mut innermost = pool.account("outermost", 64 * KIB);
        for _ in 0..100_000 {
            innermost = innermost.account("nested", 64 * KIB);
        }
        drop(innermost);
    }
}

#[test]
fn a_chain_that_an_account_cannot_have_is_refused_by_the_account_and_not_by_the_pool() {
    for pool in pools([1 << 10, 4 << 10, 64 << 10], 8 << 20) {
        let account = pool.account("account", 64 << 10);
        let held = account.try_lease(256).unwrap();
        let error = account.try_chain(64_513).unwrap_err();
        assert!(error.is_over_limit(), "{error}");
        drop(held);
        assert_eq!(pool.leased(), 0);
    }
}
