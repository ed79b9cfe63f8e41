//! Block handles: exclusive and shared ranges of one block.

use std::{collections::HashSet, io::Write};

use bytes::{Buf, BufMut, Bytes};
use leasehold::{Block, BlockMut, Pool};

use crate::support::pools;
use pools::pools;

const LEN: usize = 4096;

/// A block that begins with these bytes, from a pool that has just the one.
fn block(bytes: &[u8]) -> (Pool, BlockMut) {
    let pool = pools([LEN], LEN).last().expect("at least one backing");
    let mut block = pool.try_lease(LEN).expect("free");
    block.put_slice(bytes);
    (pool, block)
}

#[test]
fn a_fresh_block_is_all_room() {
    for pool in pools([LEN], LEN) {
        let mut block = pool.try_lease(100).expect("free");
        assert!(block.is_empty() && block[..].is_empty());
        assert_eq!(
            (block.len(), block.capacity(), block.remaining_mut(), block.block_capacity()),
            (0, LEN, LEN, LEN)
        );
        assert_eq!((block.spare_capacity_mut().len(), block.remaining()), (LEN, 0));
        assert_eq!(block.as_ptr().addr() % 4096, 0, "a page of its own");
        drop(block);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn writing_fills_the_room_to_the_last_byte() {
    let (pool, mut block) = block(b"ab");
    block.put_u16(0x6364);
    block.put_bytes(b'e', LEN - 5);
    assert_eq!(block.write(b"xyz").expect("never fails"), 1);
    assert_eq!(block.write(b"z").expect("never fails"), 0);
    block.flush().expect("never fails");
    assert_eq!(
        (block.len(), block.remaining_mut(), &block[..5], block[LEN - 1]),
        (LEN, 0, &b"abcde"[..], b'x')
    );
    block[0] = b'A';
    block.as_mut()[1] = b'B';
    assert_eq!(&block.as_ref()[..3], b"ABc");
    block.truncate(3);
    block.truncate(100);
    assert_eq!((&block[..], block.remaining_mut()), (&b"ABc"[..], LEN - 3));
    block.clear();
    block.spare_capacity_mut()[0].write(7);
    // SAFETY: the first byte was just written.
    unsafe { block.set_len(1) };
    assert_eq!(block[..], [7]);
    drop(block);
    assert_eq!(pool.leased(), 0);
}

#[test]
#[should_panic(expected = "4097 bytes into 4096 bytes of room")]
fn writing_more_than_the_room_panics() {
    let (_pool, mut block) = block(b"");
    block.put_slice(&[0; LEN + 1]);
}

#[test]
fn every_split_of_an_exclusive_range_keeps_all_bytes_and_all_room() {
    let text: Vec<u8> = (0..40).collect();
    for written in [0, 1, 40] {
        for at in (0..=written).chain([LEN - 1, LEN]) {
            let (pool, mut head) = block(&text[..written]);
            let tail = head.split_off(at);
            assert_eq!((head.capacity(), tail.capacity()), (at, LEN - at));
            assert_eq!([&head[..], &tail[..]].concat(), text[..written]);
            let holders = usize::from(at > 0) + usize::from(at < LEN);
            assert_eq!(
                [&head, &tail].iter().filter(|block| block.block_capacity() > 0).count(),
                holders
            );
            assert_eq!(pool.leased(), LEN);
            let is_gap = head.len() < head.capacity() && !tail.is_empty();
            assert_eq!(head.unsplit(tail).is_ok(), !is_gap);
            assert_eq!((&head[..], head.capacity()), (&text[..written], LEN));
            drop(head);

            if at <= written {
                let (pool, mut tail) = block(&text[..written]);
                let mut head = tail.split_to(at);
                assert_eq!((head.len(), head.capacity(), tail.capacity()), (at, at, LEN - at));
                assert_eq!((&head[..], &tail[..]), (&text[..at], &text[at..written]));
                tail.put_u8(99);
                head.unsplit(tail).expect("adjacent and without a gap");
                assert_eq!((head.len(), head.capacity(), head[written]), (written + 1, LEN, 99));
                drop(head);
                assert_eq!(pool.leased(), 0);
            }
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[test]
fn ranges_that_are_not_adjacent_do_not_join() {
    let pool = pools([LEN], LEN * 2).last().expect("at least one backing");
    let (mut one, mut other) = (pool.try_lease(1).expect("free"), pool.try_lease(1).expect("free"));
    one.put_bytes(1, LEN);
    other.put_bytes(2, LEN);
    // The two blocks are neighbours in memory, in one of the two orders, and yet two.
    let other = one.unsplit(other).expect_err("another block");
    let one = { other }.unsplit(one).expect_err("another block");
    let mut a = one;
    let mut b = a.split_off(10);
    let c = b.split_off(10);
    let c = a.unsplit(c).expect_err("b lies between");
    let mut back = c;
    let a = back.unsplit(a).expect_err("the wrong way round");
    let mut a = a;
    a.unsplit(b).expect("next to it");
    a.unsplit(back).expect("next to it");
    a.unsplit(BlockMut::empty()).expect("nothing to join");
    let mut empty = BlockMut::default();
    empty.unsplit(a).expect("takes it over");
    assert_eq!(empty.len(), LEN);
    drop(empty);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_split_past_the_end_panics_and_loses_nothing() {
    let (pool, mut whole) = block(b"four");
    let splits: [fn(&mut BlockMut) -> BlockMut; 2] =
        [|block| block.split_to(5), |block| block.split_off(LEN + 1)];
    for split in splits {
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| split(&mut whole))).is_err()
        );
    }
    assert_eq!(&whole[..], b"four");
    let mut shared = whole.freeze();
    let splits: [fn(&mut Block) -> Block; 4] = [
        |block| block.split_to(5),
        |block| block.split_off(5),
        |block| block.slice(2..5),
        |block| {
            block.advance(5);
            block.clone()
        },
    ];
    for split in splits {
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| split(&mut shared))).is_err()
        );
    }
    assert_eq!(&shared[..], b"four");
    drop(shared);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_frozen_frame_is_shared_while_the_tail_is_still_filled() {
    let (pool, mut tail) = block(b"");
    let mut frames = Vec::new();
    for round in 0..=255u8 {
        tail.put_bytes(round, 16);
        frames.push(tail.split().freeze());
    }
    assert_eq!((tail.capacity(), pool.leased()), (0, LEN));
    for (round, frame) in frames.iter().enumerate() {
        assert_eq!(frame[..], [round as u8; 16]);
    }
    assert!(!frames[0].is_unique());
    frames.truncate(1);
    assert!(frames[0].is_unique(), "the last handle");
    frames.clear();
    assert_eq!(pool.leased(), 0);
}

#[test]
fn shared_ranges_split_slice_and_compare_like_bytes() {
    let (pool, text) = block(b"hello, world");
    let text = text.freeze();
    let like = Bytes::from_static(b"hello, world");
    for at in 0..=12 {
        let (mut ours, mut theirs) = (text.clone(), like.clone());
        assert_eq!(
            (&ours.split_to(at)[..], &theirs.split_to(at)[..], &ours[..]),
            (&like[..at], &like[..at], &theirs[..])
        );
        let mut ours = text.clone();
        assert_eq!((&ours.split_off(at)[..], &ours[..]), (&like[at..], &like[..at]));
        for end in at..=12 {
            assert_eq!(text.slice(at..end)[..], like[at..end]);
        }
        let mut ours = text.clone();
        ours.truncate(at);
        assert_eq!(ours[..], like[..at]);
    }
    assert_eq!(
        (&text.slice(..)[..], &text.slice(7..)[..], &text.slice(..=4)[..]),
        (&like[..], &like[7..], &like[..5])
    );
    assert_eq!(text, text.slice(..));
    assert_ne!(text, text.slice(1..));
    assert_eq!(HashSet::from([text.clone(), text.slice(..)]).len(), 1);
    drop(text);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn empty_handles_hold_nothing() {
    let (pool, whole) = block(b"12345678");
    let mut shared = whole.freeze();
    let empties = [
        shared.slice(3..3),
        shared.split_to(0),
        shared.split_off(8),
        Block::empty(),
        Block::default(),
    ];
    assert!(
        empties
            .iter()
            .all(|block| block.is_empty() && block.block_capacity() == 0 && !block.is_unique())
    );
    assert!(shared.is_unique());
    let rest = shared.split_to(8);
    assert_eq!(shared.block_capacity(), 0);
    let mut all = rest.clone();
    all.advance(8);
    assert!(rest.is_unique(), "consumed to the end, it has let go");
    let bytes = empties[0].clone().into_bytes();
    drop(rest);
    assert_eq!(pool.leased(), 0);
    drop((bytes, empties, all, shared));

    let mut unwritten = pool.try_lease(1).expect("free");
    assert_eq!(unwritten.split_to(0).block_capacity(), 0);
    assert_eq!(unwritten.split_off(LEN).block_capacity(), 0);
    let frozen = unwritten.freeze();
    assert_eq!(
        (frozen.block_capacity(), pool.leased()),
        (0, 0),
        "without a byte there is nothing to keep"
    );
    assert!(frozen.try_into_mut().is_err());
    assert!(BlockMut::empty().charge_to(&pool).is_ok());
    assert_eq!(pool.leased(), 0);
}

#[test]
fn what_is_consumed_goes_home_at_once() {
    let (pool, mut whole) = block(b"abc");
    whole.advance(2);
    assert_eq!((whole.chunk(), whole.capacity(), whole.remaining()), (&b"c"[..], LEN - 2, 1));
    whole.put_bytes(0, LEN - 3);
    whole.advance(LEN - 2);
    assert_eq!((whole.block_capacity(), pool.leased()), (0, 0), "no bytes and no room are left");

    let mut whole = pool.try_lease(1).expect("free");
    whole.put_slice(b"abcdef");
    let mut shared = whole.freeze();
    assert_eq!((shared.get_u8(), shared.remaining(), shared.chunk()), (b'a', 5, &b"bcdef"[..]));
    let linked = shared.copy_to_bytes(2);
    assert_eq!((&linked[..], shared.copy_to_bytes(3)), (&b"bc"[..], Bytes::from_static(b"def")));
    assert_eq!((shared.block_capacity(), pool.leased()), (0, LEN), "linked, not copied");
    drop(linked);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_last_handle_becomes_writable_with_all_the_room_behind_it() {
    let (pool, mut tail) = block(b"head tail");
    let head = tail.split_to(5).freeze();
    let head = head.try_into_mut().expect_err("the tail is still held");
    drop(tail);
    let mut head = head.slice(1..4).try_into_mut().map_or_else(
        |slice| {
            assert_eq!(&slice[..], b"ead");
            drop(head);
            slice.try_into_mut().expect("the only handle now")
        },
        |_| panic!("two handles were on the block"),
    );
    assert_eq!((&head[..], head.capacity()), (&b"ead"[..], LEN - 1));
    head.put_bytes(b'!', LEN - 4);
    assert_eq!((head.len(), head[3]), (LEN - 1, b'!'));
    drop(head);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn reclaiming_takes_over_what_other_handles_have_left() {
    let (pool, mut tail) = block(b"0123456789");
    assert!(tail.try_reclaim(LEN - 10) && !tail.try_reclaim(LEN - 9));
    let head = tail.split_to(8);
    assert!(!tail.try_reclaim(LEN - 8), "the front is still held");
    drop(head);
    assert!(tail.try_reclaim(LEN - 10), "room enough as it is");
    assert_eq!(tail.capacity(), LEN - 8);
    assert!(tail.try_reclaim(LEN - 2));
    assert_eq!((&tail[..], tail.capacity()), (&b"89"[..], LEN));
    let far = tail.split_off(100);
    assert!(!tail.try_reclaim(99));
    drop(far);
    assert!(tail.try_reclaim(99));
    assert_eq!((&tail[..], tail.capacity()), (&b"89"[..], LEN));
    assert!(!BlockMut::empty().try_reclaim(1) && BlockMut::empty().try_reclaim(0));
    drop(tail);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn bytes_made_of_a_block_keep_it_until_the_last_of_them_is_gone() {
    let (pool, whole) = block(b"payload");
    let address = whole.as_ptr();
    let bytes = Bytes::from(Block::from(whole));
    assert_eq!((bytes.as_ptr(), &bytes[..]), (address, &b"payload"[..]), "not copied");
    let slice = bytes.slice(3..);
    drop(bytes);
    assert_eq!((pool.leased(), &slice[..]), (LEN, &b"load"[..]));
    std::thread::spawn(move || drop(slice)).join().expect("no panic");
    assert_eq!(pool.leased(), 0);
}

#[test]
fn debug_output_shows_figures_and_no_bytes() {
    let (pool, whole) = block(b"secret");
    let shown = format!("{whole:?} {:?} {pool:?}", whole.as_ref().len());
    assert!(
        shown.contains("len: 6") && shown.contains("capacity: 4096") && !shown.contains("secret"),
        "{shown}"
    );
    let frozen = whole.freeze();
    assert_eq!(format!("{frozen:?}"), "Block { len: 6, block_capacity: 4096 }");
    drop(frozen);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn handles_are_compared_with_slices_and_arrays() {
    let (pool, whole) = block(b"equal");
    let slice: &[u8] = b"equal";
    assert!(whole == *slice && whole == slice && whole == *b"equal" && whole != *b"equal, not");
    let frozen = whole.freeze();
    assert!(frozen == *slice && frozen == slice && frozen == *b"equal" && frozen != *b"other");
    assert!(Block::empty() != *b"equal" && BlockMut::empty() != *b"equal");
    drop(frozen);
    assert_eq!(pool.leased(), 0);
}
