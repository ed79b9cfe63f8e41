//! Leasing and returning: the cap, the classes, and that no free block is out of reach.

use std::{sync::mpsc, thread};

use bytes::BufMut;
use leasehold::{Block, BlockMut, LeaseError, Pool};

use crate::support::pools;
use pools::{builders, pools};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Leases blocks of `len` until the pool says no, and checks that CAP holds all the way.
fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    let mut blocks = Vec::new();
    loop {
        match pool.try_lease(len) {
            Ok(block) => blocks.push(block),
            Err(error) => {
                assert!(error.is_exhausted(), "{error}");
                assert_cap(pool);
                return blocks;
            }
        }
    }
}

fn assert_cap(pool: &Pool) {
    let stats = pool.stats();
    assert!(stats.mapped <= stats.budget, "{} bytes mapped of {}", stats.mapped, stats.budget);
    assert!(stats.leased + stats.cached <= stats.mapped, "{stats:?}");
}

#[test]
fn a_lease_is_the_smallest_class_that_holds_it_and_charges_its_capacity() {
    for pool in pools([KIB, 4 * KIB, 20 * KIB], MIB) {
        for (len, capacity) in
            [(0, KIB), (1, KIB), (KIB, KIB), (KIB + 1, 4 * KIB), (4097, 20 * KIB)]
        {
            let block = pool.try_lease(len).expect("free");
            assert_eq!((block.capacity(), block.len(), pool.leased()), (capacity, 0, capacity));
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_length_beyond_every_class_is_refused_at_once() {
    for pool in pools([KIB, 4 * KIB], MIB) {
        for len in [4 * KIB + 1, usize::MAX] {
            let error = pool.try_lease(len).expect_err("too large");
            assert!(error.is_too_large() && !error.is_exhausted() && !error.is_over_limit());
            assert!(error.to_string().contains("4096"), "{error}");
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn the_whole_budget_can_be_leased_and_not_a_block_more() {
    for pool in pools([4 * KIB], MIB) {
        for _ in 0..3 {
            let blocks = lease_all(&pool, 4 * KIB);
            assert_eq!((blocks.len(), pool.leased()), (256, MIB));
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn budgets_that_are_no_multiple_of_a_span_are_kept_to_the_byte() {
    for budget in [4 * KIB, 5000, 64 * KIB - 1, 64 * KIB + 1, 100 * KIB, 130_000, 1_000_001] {
        for pool in pools([KIB, 4 * KIB], budget) {
            let large = lease_all(&pool, 4 * KIB);
            let small = lease_all(&pool, KIB);
            assert!(pool.leased() <= budget);
            // A span of one class wastes its tail, and the last span is short: less than a large
            // block each.
            let spans = budget.div_ceil(64 * KIB);
            assert!(pool.leased() + spans * 4 * KIB > budget, "{} of {budget}", pool.leased());
            drop((large, small));
            assert_eq!(pool.leased(), 0);
            assert!(!lease_all(&pool, KIB).is_empty());
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[test]
fn large_blocks_fit_a_budget_with_a_short_end() {
    for (budget, most) in
        [(MIB, 1), (MIB + 1, 1), (2 * MIB - 1, 1), (2 * MIB + 70_000, 2), (3 * MIB + 64 * KIB, 3)]
    {
        for pool in pools([4 * KIB, MIB], budget) {
            assert_eq!(lease_all(&pool, MIB).len(), most, "budget {budget}");
            drop(lease_all(&pool, 4 * KIB));
            assert_eq!(lease_all(&pool, MIB).len(), most, "budget {budget}, after small blocks");
            assert_eq!(pool.leased(), 0);
        }
    }
    // A class of more than half a span and of no whole spans wastes the rest of its run, and stays
    // inside the budget.
    for pool in pools([40 * KIB, 100 * KIB], 500_000) {
        assert_eq!(lease_all(&pool, 100 * KIB).len(), 4);
        assert_eq!(lease_all(&pool, 40 * KIB).len(), 8);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_never_overlap() {
    for pool in pools([KIB, 4 * KIB, 20 * KIB, 64 * KIB], MIB + 12_345) {
        let mut blocks = Vec::new();
        for round in 0.. {
            match pool.try_lease([700, 3000, 20_000, 60_000][round % 4]) {
                Ok(mut block) => {
                    let room = block.capacity();
                    block.put_bytes(round as u8, room);
                    blocks.push((round as u8, block));
                }
                Err(_) => break,
            }
        }
        for (mark, block) in &blocks {
            assert!(block.iter().all(|byte| byte == mark));
        }
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_class_that_has_run_out_is_served_by_the_next_one_up() {
    for pool in pools([4 * KIB, 64 * KIB], 128 * KIB) {
        let large = pool.try_lease(64 * KIB).expect("free");
        let small: Vec<BlockMut> =
            (0..16).map(|_| pool.try_lease(4 * KIB).expect("free")).collect();
        drop(large);
        let other = pool.try_lease(64 * KIB).expect("free again");
        assert!(pool.try_lease(4 * KIB).expect_err("all is out").is_exhausted());
        drop((small, other));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn what_one_thread_has_cached_another_can_lease_also_as_other_classes() {
    for builder in builders() {
        let pool = builder
            .classes([KIB, 4 * KIB, 64 * KIB])
            .budget(4 * MIB)
            .shards(4)
            .build()
            .expect("valid");
        for (there, here) in
            [(4 * KIB, 4 * KIB), (4 * KIB, 64 * KIB), (64 * KIB, KIB), (KIB, 64 * KIB)]
        {
            thread::scope(|scope| {
                scope.spawn(|| drop(lease_all(&pool, there)));
            });
            assert_eq!(lease_all(&pool, here).len(), 4 * MIB / here, "{there} then {here}");
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn blocks_leased_here_and_returned_there_stay_within_reach() {
    for pool in pools([4 * KIB], MIB) {
        let (sender, receiver) = mpsc::channel::<Block>();
        let returner = thread::spawn(move || receiver.into_iter().for_each(drop));
        for _ in 0..10 {
            let blocks = lease_all(&pool, 4 * KIB);
            assert!(!blocks.is_empty());
            for mut block in blocks {
                block.put_u8(1);
                sender.send(block.freeze()).expect("the returner runs");
            }
            while pool.leased() > 0 {
                thread::yield_now();
            }
        }
        drop(sender);
        returner.join().expect("no panic");
        assert_eq!(lease_all(&pool, 4 * KIB).len(), 256);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn one_small_block_kept_of_every_64_kib_does_not_strangle_large_leases() {
    for builder in builders() {
        let pool = builder.budget(64 * MIB).build().expect("valid");
        let mut kept = Vec::new();
        let mut others = Vec::new();
        while pool.leased() < 60 * MIB {
            kept.push(pool.try_lease(KIB).expect("free"));
            others.extend((0..63).map(|_| pool.try_lease(KIB).expect("free")));
        }
        drop(others);
        let mut large = Vec::new();
        while pool.leased() < 32 * MIB {
            match pool.try_lease(64 * KIB) {
                Ok(block) => large.push(block),
                Err(error) => {
                    assert!(error.is_exhausted());
                    break;
                }
            }
        }
        println!("{} small kept, {} large leased", kept.len(), large.len());
        drop((kept, large));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn mixed_classes_in_equal_counts_fill_four_fifths_before_the_first_refusal() {
    for builder in builders() {
        let pool = builder.budget(8 * MIB).build().expect("valid");
        let mut blocks = Vec::new();
        let lens: Vec<usize> = pool.stats().classes.iter().map(|class| class.block_len).collect();
        'fill: loop {
            for &len in &lens {
                match pool.try_lease(len) {
                    Ok(block) => blocks.push(block),
                    Err(_) => break 'fill,
                }
            }
        }
        assert_cap(&pool);
        assert!(pool.leased() * 10 >= 8 * MIB * 8, "refused at {} of {}", pool.leased(), 8 * MIB);
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn statistics_are_exact_when_nobody_leases_or_returns() {
    for pool in pools([KIB, 4 * KIB], MIB) {
        let mut blocks: Vec<BlockMut> =
            (0..10).map(|_| pool.try_lease(KIB).expect("free")).collect();
        blocks.extend((0..3).map(|_| pool.try_lease(4 * KIB).expect("free")));
        let stats = pool.stats();
        assert_eq!((stats.budget, stats.leased, stats.waiting), (MIB, 22 * KIB, 0));
        assert_eq!(stats.classes.iter().map(|class| class.leased).collect::<Vec<_>>(), [10, 3]);
        assert_eq!(stats.leased, pool.leased());
        assert!(stats.metadata > 0 && stats.peak >= stats.leased);
        drop(blocks);
        let stats = pool.stats();
        assert_eq!((stats.leased, stats.classes[0].leased, stats.classes[1].leased), (0, 0, 0));
        assert!(stats.cached > 0 && stats.cached <= stats.mapped);
        assert!(pool.peak() > 0 && pool.peak() <= 22 * KIB, "sampled, never too high");
        let refused = pool.stats().refused;
        let all = lease_all(&pool, 4 * KIB);
        assert_eq!(pool.stats().refused, refused + 1);
        drop(all);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_lower_limit_of_the_pool_itself_holds_and_can_be_raised_again() {
    for pool in pools([4 * KIB, 64 * KIB], MIB) {
        let warm: Vec<BlockMut> = (0..64).map(|_| pool.try_lease(4 * KIB).expect("free")).collect();
        drop(warm);
        pool.set_limit(64 * KIB);
        assert_eq!((pool.limit(), pool.budget()), (64 * KIB, MIB));
        let blocks: Vec<BlockMut> =
            (0..16).map(|_| pool.try_lease(4 * KIB).expect("within the limit")).collect();
        assert!(pool.try_lease(4 * KIB).expect_err("at the limit").is_over_limit());
        drop(blocks);
        drop(pool.try_lease(64 * KIB).expect("cached blocks do not use the limit up"));
        pool.set_limit(usize::MAX);
        assert_eq!(pool.limit(), MIB);
        drop(lease_all(&pool, 64 * KIB));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn errors_say_what_to_do_and_turn_into_io_errors() {
    for pool in pools([4 * KIB], 4 * KIB) {
        let block = pool.try_lease(1).expect("free");
        let error = pool.try_lease(1).expect_err("all is out");
        assert!(
            error.to_string().contains("exhausted") && error.to_string().contains("larger budget")
        );
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<LeaseError>());
        assert!(inner.is_some_and(LeaseError::is_exhausted));
        drop(block);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn handles_are_small_and_go_anywhere() {
    fn goes_anywhere<T: Send + Sync + 'static>() {}
    goes_anywhere::<Pool>();
    goes_anywhere::<BlockMut>();
    goes_anywhere::<Block>();
    goes_anywhere::<LeaseError>();
    fn is_sent<T: Send + 'static>() {}
    is_sent::<leasehold::LeaseFuture>();
    let word = size_of::<usize>();
    assert_eq!((size_of::<Pool>(), size_of::<Option<Pool>>()), (word, word));
    assert_eq!((size_of::<BlockMut>(), size_of::<Block>()), (word * 2 + 8, word * 3));
    assert_eq!(size_of::<Option<Block>>(), size_of::<Block>());
}
