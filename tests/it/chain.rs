//! What a chain promises beyond its bytes: when memory comes home, what is shared, what is refused.

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::{Buf, BufMut, Bytes};
use leasehold::{Chain, ChainMut, Pool, Segment};

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

fn filled(pool: &Pool, len: usize) -> Chain {
    let mut chain = pool.try_chain(len).expect("a large pool");
    chain.put_bytes(b'x', len);
    chain.freeze()
}

/// A chain of `count` blocks of 4 KiB, each full.
fn blocks_of_4k(pool: &Pool, count: usize) -> Chain {
    (0..count)
        .map(|_| {
            let mut block = pool.try_lease(4096).expect("a large pool");
            block.put_bytes(b'b', 4096);
            block
        })
        .collect()
}

#[test]
fn advance_past_a_block_returns_it() {
    let pool = pool();
    let mut chain = blocks_of_4k(&pool, 3);
    assert_eq!(pool.leased(), 12 << 10);
    chain.advance(4095);
    assert_eq!(pool.leased(), 12 << 10);
    chain.advance(1);
    assert_eq!(pool.leased(), 8 << 10);
    chain.advance(8192);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_leased_chain_mixes_sizes_with_little_waste() {
    let pool = pool();
    let chain = pool.try_chain((1 << 20) + 4096).expect("a quarter of the budget is 2 MiB");
    assert_eq!(pool.leased(), (1 << 20) + 4096);
    assert_eq!(chain.remaining_mut(), (1 << 20) + 4096);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_chain_of_more_than_a_quarter_of_the_budget_is_refused_for_good() {
    let pool = pool();
    assert!(pool.try_chain(2 << 20).is_ok());
    let error = pool.try_chain((2 << 20) + 1).expect_err("over a quarter");
    assert!(error.is_too_large(), "{error}");
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_chain_is_leased_whole_or_not_at_all() {
    let pool =
        Pool::builder().budget(64 << 10).classes([4 << 10]).build().expect("a pool of 16 blocks");
    let held = blocks_of_4k(&pool, 14);
    let error = pool.try_chain(12 << 10).expect_err("two blocks are left");
    assert!(error.is_exhausted(), "{error}");
    assert_eq!(pool.leased(), 56 << 10);
    assert!(pool.try_chain(8 << 10).is_ok());
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_chain_is_served_by_blocks_of_any_class() {
    let pool = Pool::builder()
        .budget(256 << 10)
        .classes([1 << 10, 16 << 10])
        .build()
        .expect("a pool of two classes");
    let large: Vec<_> = (0..15).map(|_| pool.try_lease(16 << 10).expect("room")).collect();
    let chain = pool.try_chain(10 << 10).expect("ten small blocks, or the last large one");
    assert!(chain.remaining_mut() >= 10 << 10);
    drop((large, chain));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_chain_waits_for_all_of_its_blocks() {
    let pool =
        Pool::builder().budget(64 << 10).classes([4 << 10]).build().expect("a pool of 16 blocks");
    let mut held = blocks_of_4k(&pool, 16);
    let mut waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.chain(12 << 10).await }
    });
    tokio::task::yield_now().await;
    held.advance(8192);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "two of three blocks are not enough");
    held.advance(4096);
    let chain = (&mut waiting).await.expect("no panic").expect("three blocks are home");
    assert_eq!(chain.remaining_mut(), 12 << 10);
    drop((held, chain));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn clones_and_slices_share_blocks_until_the_last_is_gone() {
    let pool = pool();
    let chain = filled(&pool, 100_000);
    let leased = pool.leased();
    let slice = chain.slice(99_990..);
    let copy = chain.clone();
    assert_eq!(pool.leased(), leased);
    drop((chain, copy));
    assert!(pool.leased() < leased, "only the last block is still held");
    assert_eq!(slice, *b"xxxxxxxxxx");
    drop(slice);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn compacting_lets_go_of_large_blocks_that_are_hardly_used() {
    let pool = pool();
    let messages: Vec<Chain> = (0..8).map(|_| filled(&pool, 64 << 10)).collect();
    let mut kept: Chain = messages.iter().flat_map(|message| message.slice(..10)).collect();
    drop(messages);
    assert_eq!(pool.leased(), 8 * (64 << 10), "ten bytes pin each block");
    kept.compact(&pool).expect("a large pool");
    assert_eq!(pool.leased(), 1 << 10);
    assert_eq!(kept, [b'x'; 80]);
    drop(kept);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn compacting_leaves_well_used_blocks_and_foreign_bytes_alone() {
    let pool = pool();
    let mut chain = filled(&pool, 60 << 10);
    chain.push(Bytes::from_static(b"foreign"));
    let before: Vec<_> = chain.segments().map(|segment| segment.as_ref().as_ptr()).collect();
    chain.compact(&pool).expect("nothing to do");
    let after: Vec<_> = chain.segments().map(|segment| segment.as_ref().as_ptr()).collect();
    assert_eq!(before, after);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn compacting_without_memory_loses_nothing() {
    let pool = Pool::builder()
        .budget(128 << 10)
        .classes([1 << 10, 64 << 10])
        .build()
        .expect("two large blocks");
    let large = [0, 1].map(|_| {
        let mut block = pool.try_lease(64 << 10).expect("two blocks fit");
        block.put_bytes(b'x', 64 << 10);
        Chain::from(block)
    });
    let mut kept = large[0].slice(..5);
    kept.push(Bytes::from_static(b"-"));
    kept.append(large[1].slice(..5));
    assert!(kept.compact(&pool).expect_err("all is leased").is_exhausted());
    assert_eq!(kept, *b"xxxxx-xxxxx");
    drop((large, kept));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn short_pieces_are_merged_into_the_tail_and_long_ones_linked() {
    let pool = pool();
    let mut chain = pool.try_chain(4096).expect("a large pool");
    chain.put_slice(b"head ");
    chain.push(Bytes::from(vec![b's'; 511]));
    assert_eq!(chain.segment_count(), 1);
    let long = Bytes::from(vec![b'l'; 512]);
    chain.push(long.clone());
    assert_eq!(chain.segment_count(), 2);
    chain.put_slice(b" tail");
    let chain = chain.freeze();
    assert_eq!(chain.segment_count(), 3);
    let linked = chain.segments().nth(1).expect("three pieces").as_ref().as_ptr();
    assert_eq!(linked, long.as_ptr());
    assert_eq!(pool.leased(), 4096, "the room around a linked piece is one block");
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn writing_leases_as_it_goes_and_fails_at_the_limit() {
    let pool = pool();
    let account = pool.account("writer", 8 << 10);
    let mut chain = ChainMut::new(&account);
    chain.write_all(&[b'w'; 5000]).expect("8 KiB are allowed");
    let error = chain.write_all(&[b'w'; 5000]).expect_err("10,000 bytes are not");
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    assert_eq!(chain.len(), 8 << 10, "what fits is written");
    assert_eq!(account.leased(), 8 << 10);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[test]
#[should_panic(expected = "bytes of room")]
fn buf_mut_writes_only_into_leased_room() {
    let mut chain = ChainMut::new(&pool());
    chain.put_slice(b"x");
}

#[test]
fn a_front_that_was_split_off_cannot_lease_and_says_so() {
    let pool = pool();
    let mut chain = pool.try_chain(100).expect("a large pool");
    chain.put_slice(b"frame");
    let mut front = chain.split();
    let error = front.try_reserve(1).expect_err("a front is complete");
    assert!(error.to_string().contains("split off"), "{error}");
    chain.try_reserve(1 << 20).expect("the rest can lease on");
    drop((chain, front));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_drained_chain_mut_keeps_its_room_until_told_otherwise() {
    let pool = pool();
    let mut chain = pool.try_chain(4096).expect("a large pool");
    chain.put_slice(b"request");
    chain.advance(7);
    assert_eq!(pool.leased(), 4096);
    chain.release_room();
    assert_eq!(pool.leased(), 0);
    chain.try_reserve(10).expect("it can lease again");
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn inherent_take_returns_a_chain_and_generic_take_still_reads_all() {
    let pool = pool();
    let chain = blocks_of_4k(&pool, 40);
    let taken: Chain = chain.clone().take(100_000);
    let mut slices = [io::IoSlice::new(&[]); 64];
    assert_eq!(taken.chunks_vectored(&mut slices), 25);
    let mut generic = Buf::take(chain, 100_000);
    assert_eq!(generic.copy_to_bytes(100_000).len(), 100_000);
    drop((taken, generic));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn chains_are_small_and_may_cross_threads() {
    fn assert_task_safe<T: Send + Sync + 'static>() {}
    assert_task_safe::<Chain>();
    assert_task_safe::<ChainMut>();
    assert_task_safe::<Segment>();
    if cfg!(target_pointer_width = "64") {
        assert_eq!((size_of::<Segment>(), size_of::<Chain>(), size_of::<ChainMut>()), (32, 48, 40));
    }
}

#[test]
fn copying_more_bytes_than_there_are_panics() {
    for len in [6, usize::MAX] {
        let pool = pool();
        let mut chain = pool.try_chain(5).expect("free");
        chain.put_slice(b"hello");
        assert!(catch_unwind(AssertUnwindSafe(|| chain.copy_to_bytes(len))).is_err(), "{len}");
        let mut chain = chain.freeze();
        assert!(catch_unwind(AssertUnwindSafe(|| chain.copy_to_bytes(len))).is_err(), "{len}");
    }
}

fn both_ways<T: PartialEq<Chain> + ?Sized>(chain: &Chain, other: &T)
where
    Chain: PartialEq<T>,
{
    assert!(chain == other, "from the left");
    assert!(other == chain, "from the right");
}

#[test]
fn a_chain_compares_with_what_bytes_compares_with_in_both_directions() {
    let pool = pool();
    let chain: Chain = [&b"he"[..], b"l", b"lo"]
        .into_iter()
        .flat_map(|piece| Chain::copy_from_slice(piece, &pool).expect("free"))
        .collect();
    assert_eq!(chain.segments().count(), 3);
    let (array, vec, text) = (*b"hello", b"hello".to_vec(), String::from("hello"));
    both_ways(&chain, "hello");
    both_ways(&chain, &"hello");
    both_ways(&chain, &array);
    both_ways(&chain, &&array);
    both_ways(&chain, &array[..]);
    both_ways(&chain, &&array[..]);
    both_ways(&chain, &vec);
    both_ways(&chain, &text);
    both_ways(&chain, &Bytes::from("hello"));
    for other in ["", "hell", "hello!", "hella", "Hello"] {
        assert!(chain != other, "{other}");
        assert!(other != chain, "{other}");
        assert!(chain != other.as_bytes().to_vec(), "{other}");
        assert!(other.as_bytes().to_vec() != chain, "{other}");
    }
}

#[test]
fn a_chain_is_made_of_what_bytes_is_made_of() {
    assert_eq!(Chain::from("hello"), "hello");
    assert_eq!(Chain::from(b"hello".to_vec()), "hello");
    assert_eq!(Chain::from(String::from("hello")), "hello");
    assert!(Chain::from("").is_empty());
}

#[test]
fn bytes_are_copied_into_blocks_or_nothing_is_leased() {
    let pool = pool();
    let small = pool.account("small", 8 << 10);
    let long = vec![b'x'; 10_000];
    assert!(Chain::copy_from_slice(&long, &small).is_err());
    assert!(Chain::copy_from_slice(b"", &small).expect("needs nothing").is_empty());
    let mut chain = ChainMut::new(&small);
    chain.try_extend_from_slice(&long[..5000]).expect("free");
    chain.try_extend_from_slice(&long[5000..]).expect_err("over the limit");
    assert_eq!(chain.len(), 5000);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_chain_is_read_as_tokio_reads_and_its_blocks_go_home() {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt};
    let pool = pool();
    let mut chain = blocks_of_4k(&pool, 3);
    let mut buf = [0; 5000];
    chain.read_exact(&mut buf).await.expect("there are as many");
    assert_eq!((chain.len(), pool.leased()), (3 * 4096 - 5000, 8 << 10));
    let mut rest = Vec::new();
    chain.read_to_end(&mut rest).await.expect("it never fails");
    assert_eq!((rest.len(), pool.leased()), (3 * 4096 - 5000, 0));
    assert_eq!(chain.read(&mut buf).await.expect("an end"), 0);
    let mut lines = Chain::from("one\ntwo\nthree").lines();
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        read.push(line);
    }
    assert_eq!(read, ["one", "two", "three"]);
}
