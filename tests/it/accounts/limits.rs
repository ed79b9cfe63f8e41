//! Limits, nested and changed.

use std::thread;

use leasehold::BlockMut;

use super::KIB;
use crate::support::pools::pools;

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
