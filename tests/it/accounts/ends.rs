//! The end of a charge, and of an account.

use std::thread;

use bytes::BufMut;

use super::KIB;
use crate::support::pools::pools;

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
