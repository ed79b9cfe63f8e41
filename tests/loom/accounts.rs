//! Accounts.

use bytes::BufMut;
use loom::thread;

use crate::{LEN, assert_whole, check, holder::Holder, pool};

#[test]
fn two_threads_on_one_account_stay_within_its_limit() {
    check(|| {
        let pool = pool(2);
        let account = pool.account("account", LEN);
        let holder = Holder::new();
        let other = thread::spawn({
            let (account, holder) = (account.clone(), holder.clone());
            move || holder.lease_and_return(&account)
        });
        holder.lease_and_return(&account);
        other.join().expect("no panic");
        assert_eq!((account.leased(), account.peak()), (0, LEN));
        assert!(holder.lease_and_return(&account));
        assert_whole(&pool);
    });
}

#[test]
fn an_account_whose_handle_goes_while_its_last_block_comes_home_ends_once() {
    check(|| {
        let pool = pool(1);
        let parent = pool.account("parent", LEN);
        let account = parent.account("account", LEN);
        let block = account.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(block));
        drop(account);
        drop(parent);
        other.join().expect("no panic");
        assert!(pool.stats().accounts.is_empty());
        assert_whole(&pool);
    });
}

#[test]
fn a_charge_that_moves_while_another_share_goes_is_refunded_once() {
    check(|| {
        let pool = pool(1);
        let (left, right) = (pool.account("left", LEN), pool.account("right", LEN));
        let mut block = left.try_lease(LEN).expect("free");
        block.put_bytes(7, 10);
        let block = block.freeze();
        let share = block.clone();
        let other = thread::spawn({
            let right = right.clone();
            move || {
                share.charge_to(&right).expect("room");
                drop(share);
            }
        });
        drop(left);
        drop(block);
        other.join().expect("no panic");
        assert_eq!(right.leased(), 0);
        assert_whole(&pool);
    });
}
