//! Shares of one block.

use bytes::BufMut;
use loom::{cell::UnsafeCell, sync::Arc, thread};

use crate::{LEN, assert_whole, check, pool};

#[test]
fn a_split_block_comes_home_once_when_its_parts_are_dropped_on_two_threads() {
    check(|| {
        let pool = pool(1);
        let mut tail = pool.try_lease(LEN).expect("free");
        tail.put_bytes(7, 10);
        let head = tail.split_to(5).freeze();
        // Stands for the bytes: whoever leases the block next may write them, after everybody has
        // read.
        let bytes = Arc::new(UnsafeCell::new(0u8));
        let reader = thread::spawn({
            let bytes = Arc::clone(&bytes);
            move || {
                assert_eq!(head[..], [7; 5]);
                // SAFETY: only read while this part of the block is held.
                bytes.with(|byte| unsafe { byte.read() });
                drop(head);
            }
        });
        drop(tail);
        if let Ok(block) = pool.try_lease(LEN) {
            // SAFETY: the whole block is ours, so nobody reads any more.
            bytes.with_mut(|byte| unsafe { byte.write(1) });
            drop(block);
        }
        reader.join().expect("no panic");
        assert_whole(&pool);
    });
}

#[test]
fn a_block_becomes_writable_only_once_the_other_share_is_gone() {
    check(|| {
        let pool = pool(1);
        let mut block = pool.try_lease(LEN).expect("free");
        block.put_bytes(7, 10);
        let block = block.freeze();
        let share = block.slice(2..4);
        let bytes = Arc::new(UnsafeCell::new(0u8));
        let reader = thread::spawn({
            let bytes = Arc::clone(&bytes);
            move || {
                // SAFETY: only read while this share is held.
                bytes.with(|byte| unsafe { byte.read() });
                drop(share);
            }
        });
        match block.try_into_mut() {
            // SAFETY: the only handle is ours, so nobody reads any more.
            Ok(_block) => bytes.with_mut(|byte| unsafe { byte.write(1) }),
            Err(block) => drop(block),
        }
        reader.join().expect("no panic");
        assert_whole(&pool);
    });
}
