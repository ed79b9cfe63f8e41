//! Pools, accounts, leases and reservations.

use std::future::Future;

use bytes::{Buf, BufMut};
use leasehold::{Backing, Block, BlockMut};

use super::*;

#[test]
fn a_builder_makes_a_pool_or_says_why_not() {
    // On the heap: nothing is reserved for a budget there.
    let builder = || Pool::builder().backing(Backing::Heap);
    for len in LENS {
        let built = builder().budget(len).build();
        assert_eq!(
            built.is_ok(),
            len >= MIB && isize::try_from(len).is_ok() && (len as u64) < 1 << 40,
            "a budget of {len}"
        );
        if let Ok(pool) = built {
            assert!(pool.try_lease(MIB).is_ok() && pool.leased() == 0);
        }
        let built = builder().budget(64 * MIB).classes([4 * KIB, len]).build();
        assert_eq!(built.is_ok(), len > 4 * KIB && len <= 16 * MIB, "a class of {len}");
        for pool in [builder().magazine(len), builder().shards(len)] {
            let pool = pool.budget(4 * MIB).build().expect("these are bounds, not demands");
            assert!(pool.try_lease(MIB).is_ok() && pool.leased() == 0);
        }
    }
}

#[tokio::test]
async fn asks_are_granted_or_refused() {
    for max_wait in DURATIONS {
        let pool = Pool::builder().budget(4 * MIB).max_wait(max_wait).build().expect("a pool");
        for len in LENS {
            assert_eq!(pool.try_lease(len).is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.lease(len).await.is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.try_chain(len).is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.chain(len).await.is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.try_reserve(len).is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.reserve(len).await.is_ok(), len <= MIB, "{len}");
            assert_eq!(pool.try_credit(len).is_ok(), len <= MIB, "{len}");
            let mut reservation = pool.try_reserve(10).expect("room");
            assert_eq!(reservation.try_grow_to(len).is_ok(), len <= MIB, "{len}");
            reservation.shrink_to(len);
            assert!(reservation.len() <= MIB);
            assert!(pool.block_len_for(len) <= MIB);
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_end_or_never_do() {
    let pool = Pool::builder().budget(64 * KIB).classes([64 * KIB]).build().expect("a pool");
    let held = pool.try_lease(1).expect("free");
    for within in DURATIONS {
        let ends = within < Duration::from_secs(1);
        let leases =
            async { tokio::join!(pool.lease_timeout(1, within), pool.reserve_timeout(1, within)) };
        let waited = tokio::time::timeout(Duration::from_secs(60), leases).await;
        assert_eq!(
            waited.is_ok_and(|(lease, reserve)| lease.is_err() && reserve.is_err()),
            ends,
            "{within:?}"
        );
    }
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn limits_may_be_anything() {
    let pool = pool();
    for limit in LENS {
        let account = pool.account("account", limit);
        assert_eq!(account.try_lease(MIB).is_ok(), limit >= MIB, "{limit}");
        assert!(account.try_lease(usize::MAX).is_err() && account.try_chain(usize::MAX).is_err());
        let other = pool.account("other", MIB);
        let block = other.try_lease(MIB).expect("room");
        other.set_limit(limit);
        assert_eq!(other.try_lease(KIB).is_ok(), limit > MIB, "{limit}");
        drop(block);
        pool.set_limit(limit);
        assert_eq!(pool.try_lease(MIB).is_ok(), limit >= MIB, "{limit}");
        pool.set_limit(usize::MAX);
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn asks_that_are_to_be_refused_may_be_any() {
    let pool = pool();
    for nth in LENS {
        let refusals = pool.refuse_nth(nth);
        assert_eq!(pool.try_lease(1).is_err(), nth == 0);
        drop(refusals);
        assert_eq!(panics(|| drop(pool.refuse_every(nth))), nth == 0);
        if nth > 0 {
            let refusals = pool.refuse_every(nth);
            assert_eq!(
                (pool.try_lease(1).is_err(), refusals.count()),
                (nth == 1, usize::from(nth == 1))
            );
        }
    }
}

fn block(pool: &Pool) -> BlockMut {
    let mut block = pool.try_lease(100).expect("room");
    block.put_slice(b"hello world");
    block
}

#[test]
fn blocks_are_cut_within_their_length() {
    type Cut<T> = fn(&mut T, usize);
    let pool = pool();
    for at in LENS {
        let cuts: [(Cut<BlockMut>, usize); 7] = [
            (|block, at| drop(block.split_to(at)), 11),
            (|block, at| drop(block.split_off(at)), KIB),
            (|block, at| block.truncate(at), usize::MAX),
            (|block, at| block.advance(at), 11),
            (|block, at| drop(block.copy_to_bytes(at)), 11),
            (|block, at| assert_eq!(block.try_reclaim(at), at <= KIB - 11), usize::MAX),
            (|block, count| block.put_bytes(0, count), KIB - 11),
        ];
        for (which, (cut, most)) in cuts.into_iter().enumerate() {
            let mut block = block(&pool);
            assert_eq!(panics(|| cut(&mut block, at)), at > most, "cut {which} at {at}");
            assert!(block.len() <= block.capacity() && (at <= most || block == *b"hello world"));
        }
        // SAFETY: it panics before it believes what is more than the room; what is less was not
        // read.
        let advance = |block: &mut BlockMut| panics(|| unsafe { block.advance_mut(at) });
        assert_eq!(advance(&mut pool.try_lease(100).expect("room")), at > KIB, "advance_mut {at}");
        let cuts: [(Cut<Block>, usize); 7] = [
            (|block, at| drop(block.split_to(at)), 11),
            (|block, at| drop(block.split_off(at)), 11),
            (|block, at| block.truncate(at), usize::MAX),
            (|block, at| block.advance(at), 11),
            (|block, at| drop(block.slice(at..)), 11),
            (|block, at| drop(block.slice(..at)), 11),
            (|block, at| drop(block.slice(..=at)), 10),
        ];
        for (which, (cut, most)) in cuts.into_iter().enumerate() {
            let mut block = block(&pool).freeze();
            assert_eq!(panics(|| cut(&mut block, at)), at > most, "cut {which} at {at}");
            assert!(at <= most || block == *b"hello world");
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn futures_for_lengths_that_can_never_be_had_do_not_wait() {
    let pool = pool();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for len in LENS.into_iter().filter(|&len| len > MIB) {
        assert!(std::pin::pin!(pool.lease(len)).poll(&mut cx).is_ready());
        assert!(std::pin::pin!(pool.chain(len)).poll(&mut cx).is_ready());
        assert!(std::pin::pin!(pool.reserve(len)).poll(&mut cx).is_ready());
    }
}
