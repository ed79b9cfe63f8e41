//! The end of a pool.

use loom::thread;

use crate::{LEN, check, pool};

#[test]
fn the_last_handle_may_go_while_the_last_block_comes_home() {
    check(|| {
        let pool = pool(4);
        let block = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(block));
        drop(pool);
        other.join().expect("no panic");
    });
}

#[test]
fn a_reservation_may_go_last_while_the_last_block_comes_home() {
    check(|| {
        let pool = pool(4);
        let (block, reserved) =
            (pool.try_lease(LEN).expect("free"), pool.try_reserve(LEN).expect("room"));
        drop(pool);
        let other = thread::spawn(move || drop(block));
        drop(reserved);
        other.join().expect("no panic");
    });
}

#[test]
fn the_last_account_may_go_with_its_last_block_while_another_block_comes_home() {
    check(|| {
        let pool = pool(4);
        let account = pool.account("account", LEN);
        let (mine, charged) =
            (pool.try_lease(LEN).expect("free"), account.try_lease(LEN).expect("free"));
        drop((pool, account));
        let other = thread::spawn(move || drop(charged));
        drop(mine);
        other.join().expect("no panic");
    });
}

#[test]
fn the_last_handle_may_go_while_blocks_come_home_to_a_pool_above_its_limit() {
    check(|| {
        let pool = pool(8);
        let (first, second) =
            (pool.try_lease(LEN).expect("free"), pool.try_lease(LEN).expect("free"));
        pool.set_limit(LEN);
        let other = thread::spawn(move || drop((first, second)));
        drop(pool);
        other.join().expect("no panic");
    });
}
