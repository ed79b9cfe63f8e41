//! Leasing memory for a chain: all of it or nothing, out of blocks of any class.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::BufMut;
use leasehold::{BlockMut, Pool};

use crate::support::pools;
use pools::pools;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

#[test]
fn a_chain_has_room_for_its_length_out_of_few_blocks_with_little_waste() {
    for pool in pools([KIB, 4 * KIB, 20 * KIB, 64 * KIB, 256 * KIB, MIB], 16 * MIB) {
        for (len, leased) in [
            (0, 0),
            (1, KIB),
            (5 * KIB, 5 * KIB),
            (MIB + 4 * KIB, MIB + 4 * KIB),
            (4 * MIB, 4 * MIB),
        ] {
            let chain = pool.try_chain(len).expect("free");
            assert!(chain.remaining_mut() >= len);
            assert_eq!(pool.leased(), leased, "{len}");
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn more_than_a_quarter_of_the_budget_or_than_a_limit_is_too_large() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        drop(pool.try_chain(256 * KIB).expect("a quarter"));
        assert!(pool.try_chain(256 * KIB + 1).expect_err("more").is_too_large());
        let account = pool.account("account", 8 * KIB);
        drop(account.try_chain(8 * KIB).expect("within"));
        let error = account.try_chain(8 * KIB + 1).expect_err("over the limit");
        assert!(error.is_too_large() && error.to_string().contains("8192"), "{error}");
        assert_eq!((account.leased(), account.peak(), pool.leased()), (0, 8 * KIB, 0));
    }
}

#[test]
fn a_chain_that_cannot_be_had_leaves_nothing_leased() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let mut held = lease_all(&pool, 4 * KIB);
        held.truncate(256 - 5);
        assert!(pool.try_chain(24 * KIB).expect_err("only 20 KiB are free").is_exhausted());
        assert_eq!(pool.leased(), 251 * 4 * KIB);
        let account = pool.account("account", 16 * KIB);
        let chain = account.try_chain(12 * KIB).expect("free");
        assert!(account.try_chain(8 * KIB).expect_err("over the limit").is_over_limit());
        assert_eq!((account.leased(), account.peak()), (12 * KIB, 12 * KIB));
        drop((chain, held));
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[test]
fn any_free_block_can_serve_a_chain() {
    for pool in pools([4 * KIB, 64 * KIB, 256 * KIB], MIB) {
        let small = lease_all(&pool, 4 * KIB);
        let kept: Vec<BlockMut> = small.into_iter().step_by(2).collect();
        let chain = pool.try_chain(200 * KIB).expect("out of small blocks");
        assert!(chain.remaining_mut() >= 200 * KIB);
        drop((kept, chain));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_chain_holds_nothing_until_it_can_have_all() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let mut held = lease_all(&pool, 4 * KIB);
        let mut chain = pool.chain(16 * KIB);
        assert!(poll(&mut chain).is_pending());
        for left in (13..16).rev() {
            held.truncate(left);
            assert!(poll(&mut chain).is_pending());
            assert_eq!(pool.leased(), left * 4 * KIB);
        }
        held.truncate(12);
        let Poll::Ready(Ok(chain)) = poll(&mut chain) else { panic!("four blocks are free") };
        assert_eq!(pool.leased(), 64 * KIB);
        drop((chain, held));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_whose_account_has_room_waits_for_the_pool() {
    for pool in pools([3000, 4096], 128 * KIB) {
        let account = pool.account("account", 4096);
        let mut held: Vec<BlockMut> =
            (0..16).map(|_| pool.try_lease(4096).expect("free")).collect();
        let other = pool.try_lease(3000).expect("free");
        // Two of the smaller blocks are over the limit, one of the larger ones is not.
        assert!(account.try_chain(4000).expect_err("no larger block is free").is_exhausted());
        let mut chain = account.chain(4000);
        assert!(poll(&mut chain).is_pending());
        held.pop();
        assert!(poll(&mut chain).is_ready(), "its block came home");
        drop((chain, held, other));
        assert_eq!((account.leased(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}

#[test]
fn a_chain_that_small_blocks_would_make_too_long_gets_a_large_one() {
    for pool in pools([KIB, MIB], 16 * MIB) {
        // A chain has at most 63 blocks.
        for (len, leased) in [
            (63 * KIB, 63 * KIB),
            (64 * KIB, MIB),
            (800 * KIB, MIB),
            (MIB + 62 * KIB, MIB + 62 * KIB),
        ] {
            let chain = pool.try_chain(len).expect("the pool is free");
            assert_eq!((chain.remaining_mut() >= len, pool.leased()), (true, leased), "{len}");
        }
        for len in [MIB + 63 * KIB, 3 * MIB + 900 * KIB, 4 * MIB] {
            let chain = pool.try_chain(len).expect("the pool is free");
            assert!(chain.remaining_mut() >= len);
        }
        assert_eq!(pool.leased(), 0);
    }
}
