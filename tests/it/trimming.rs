//! Memory that no lease uses goes back to the system, and what is leased stays as it is.

use std::time::Duration;

use bytes::BufMut;
use leasehold::{BlockMut, Pool};

use crate::support::pools;
use pools::{builders, pools};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

#[test]
fn trim_gives_everything_back_that_is_not_leased() {
    for pool in pools([KIB, 4 * KIB, 20 * KIB, 64 * KIB, MIB], 8 * MIB + 10_000) {
        for len in [KIB, 4 * KIB, 20 * KIB, 64 * KIB, MIB] {
            drop(lease_all(&pool, len));
            assert!(pool.stats().mapped > 0);
            assert!(pool.trim() > 0);
            let stats = pool.stats();
            assert_eq!(
                (stats.mapped, stats.cached, stats.leased),
                (0, 0, 0),
                "after blocks of {len}"
            );
            assert_eq!(pool.trim(), 0, "there is nothing left to give back");
        }
        assert!(pool.stats().trimmed >= 5 * 7 * MIB as u64);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn trim_gives_back_what_one_class_gave_up_for_another() {
    for pool in pools([4 * KIB, MIB], 8 * MIB) {
        drop(lease_all(&pool, 4 * KIB));
        // Makes room by ending all runs of small blocks, and uses the room of a few.
        let large = pool.try_lease(MIB).expect("free");
        pool.trim();
        assert_eq!(pool.stats().mapped, MIB);
        drop(large);
        pool.trim();
        assert_eq!((pool.stats().mapped, pool.leased()), (0, 0));
    }
}

#[test]
fn leased_blocks_keep_their_bytes_through_a_trim() {
    for pool in pools([4 * KIB, 20 * KIB], 2 * MIB) {
        for len in [4 * KIB, 20 * KIB] {
            let mut kept = Vec::new();
            let mut others = Vec::new();
            for (index, mut block) in lease_all(&pool, len).into_iter().enumerate() {
                block.put_bytes(index as u8, len);
                if index % 5 == 0 { kept.push((index as u8, block)) } else { others.push(block) }
            }
            drop(others);
            let before = pool.stats().mapped;
            pool.trim();
            assert!(pool.stats().mapped <= before && pool.stats().mapped >= pool.leased());
            assert!(kept.iter().all(|(mark, block)| block.iter().all(|byte| byte == mark)));
            let again = lease_all(&pool, len);
            assert!(pool.stats().mapped <= pool.budget());
            assert!(kept.iter().all(|(mark, block)| block.iter().all(|byte| byte == mark)));
            drop((again, kept));
            pool.trim();
            assert_eq!((pool.stats().mapped, pool.leased()), (0, 0));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_trimmed_around_leased_blocks_leaves_the_process() {
    let pool = Pool::builder().classes([4 * KIB]).budget(4 * MIB).build().expect("valid");
    let mut blocks = lease_all(&pool, 4 * KIB);
    blocks.iter_mut().for_each(|block| block.put_bytes(1, 4 * KIB));
    let kept: Vec<BlockMut> = blocks.iter_mut().step_by(16).map(std::mem::take).collect();
    drop(blocks);
    pool.trim();
    assert_eq!(pool.stats().mapped, kept.len() * 4 * KIB, "page by page, between the leased ones");
    drop(kept);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn metadata_goes_with_the_runs_that_it_describes() {
    for pool in pools([KIB], 8 * MIB) {
        let before = pool.stats().metadata;
        let blocks = lease_all(&pool, KIB);
        let most = pool.stats().metadata;
        assert!(
            most > before && (most - before) * 1000 <= pool.budget() * 32,
            "{} bytes",
            most - before
        );
        drop(blocks);
        pool.trim();
        assert_eq!((pool.stats().metadata, pool.leased()), (before, 0));
    }
}

#[test]
fn what_was_wiped_on_return_is_leased_as_zeros() {
    for builder in builders() {
        let pool = builder
            .classes([4 * KIB])
            .budget(64 * KIB)
            .zero_on_return(true)
            .build()
            .expect("valid");
        for split in [false, true] {
            let mut block = pool.try_lease(1).expect("free");
            block.put_bytes(0xEE, 4 * KIB);
            let address = block.as_ptr();
            if split {
                drop(block.split_to(100).freeze().slice(5..6));
            }
            drop(block);
            let mut block = pool.try_lease(1).expect("free");
            let room = block.spare_capacity_mut();
            assert_eq!(room.as_ptr().cast(), address, "last in, first out");
            // SAFETY: the block was written to its end before, and then wiped.
            assert!(room.iter().all(|byte| unsafe { byte.assume_init() } == 0));
        }
        assert_eq!(pool.leased(), 0);
    }
}

async fn pass(secs: u64) {
    for _ in 0..secs * 20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn maintain_gives_a_burst_back_within_three_seconds() {
    for builder in builders() {
        let pool = builder.budget(64 * MIB).build().expect("valid");
        let maintaining = tokio::spawn(pool.maintain());
        let mut kept = pool.try_lease(64 * KIB).expect("free");
        kept.put_bytes(5, 64 * KIB);
        drop(lease_all(&pool, 64 * KIB));
        assert!(pool.stats().mapped > 60 * MIB);
        pass(4).await;
        let mapped = pool.stats().mapped;
        assert!(mapped <= MIB, "{mapped} bytes are still mapped");
        assert!(kept.iter().all(|&byte| byte == 5));
        drop(kept);
        assert_eq!(pool.leased(), 0);
        drop(pool);
        maintaining.await.expect("it ends with the last handle");
    }
}

#[tokio::test(start_paused = true)]
async fn maintain_gives_back_what_one_class_gave_up_for_another() {
    for pool in pools([4 * KIB, MIB], 8 * MIB) {
        let maintaining = tokio::spawn(pool.maintain());
        drop(lease_all(&pool, 4 * KIB));
        let large = pool.try_lease(MIB).expect("free");
        pass(4).await;
        let mapped = pool.stats().mapped;
        assert!(mapped <= MIB + MIB / 4, "{mapped} bytes are still mapped");
        drop(large);
        assert_eq!(pool.leased(), 0);
        drop(pool);
        maintaining.await.expect("it ends with the last handle");
    }
}

#[tokio::test(start_paused = true)]
async fn maintain_leaves_what_the_load_uses_at_its_own_rhythm() {
    for pool in pools([64 * KIB], 16 * MIB) {
        let maintaining = tokio::spawn(pool.maintain());
        let mut trimmed = None;
        for _ in 0..40 {
            let blocks: Vec<BlockMut> = (0..64).map(|_| pool.try_lease(1).expect("free")).collect();
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(blocks);
            let so_far = pool.stats().trimmed;
            assert_eq!(
                *trimmed.get_or_insert(so_far),
                so_far,
                "the blocks of every round were needed in the next"
            );
        }
        pass(4).await;
        assert!(pool.stats().mapped <= MIB);
        assert_eq!(pool.leased(), 0);
        drop(pool);
        maintaining.await.expect("it ends with the last handle");
    }
}

#[tokio::test(start_paused = true)]
async fn maintain_ends_with_the_last_handle_even_while_blocks_are_out() {
    for pool in pools([4 * KIB], 64 * KIB) {
        let account = pool.account("account", 64 * KIB);
        let maintaining = tokio::spawn(pool.maintain());
        let block = account.try_lease(1).expect("free");
        drop(pool);
        pass(1).await;
        assert!(!maintaining.is_finished(), "the account is a handle too");
        assert_eq!(account.leased(), 4 * KIB);
        block.charge_to(&account).expect("to where it is");
        drop(account);
        // The block is charged to the account, and so keeps it.
        drop(block);
        maintaining.await.expect("it ends");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_what_a_trim_had_in_hand() {
    for pool in pools([4 * KIB, 64 * KIB], 128 * KIB) {
        let maintaining = tokio::spawn(pool.maintain());
        for _ in 0..20 {
            let mut held = lease_all(&pool, 4 * KIB);
            let waiting = tokio::spawn(pool.lease(64 * KIB));
            tokio::task::yield_now().await;
            held.truncate(16);
            tokio::time::sleep(Duration::from_millis(100)).await;
            pool.trim();
            held.clear();
            drop(waiting.await.expect("no panic").expect("a grant"));
        }
        assert_eq!(pool.leased(), 0);
        drop(pool);
        maintaining.await.expect("it ends with the last handle");
    }
}
