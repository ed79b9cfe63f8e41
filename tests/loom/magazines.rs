//! Magazines, and their emptying by others.

use loom::thread;

use crate::{LEN, assert_whole, check, holder::Holder, pool, pool_of_shards};

#[test]
fn a_block_that_two_threads_lease_and_return_is_held_by_one_at_a_time() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let holder = Holder::new();
        let other = thread::spawn({
            let (pool, holder) = (pool.clone(), holder.clone());
            move || holder.lease_and_return(&pool)
        });
        holder.lease_and_return(&pool);
        other.join().expect("no panic");
        assert!(holder.lease_and_return(&pool));
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_block_in_the_magazine_of_another_shard_is_found() {
    check(|| {
        let pool = pool_of_shards(8, 2);
        let held: Vec<_> = (0..7).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let holder = Holder::new();
        // Two threads have two shards: whoever comes second empties the other's.
        let other = thread::spawn({
            let (pool, holder) = (pool.clone(), holder.clone());
            move || holder.lease_and_return(&pool)
        });
        holder.lease_and_return(&pool);
        other.join().expect("no panic");
        assert!(holder.lease_and_return(&pool));
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_lower_limit_holds_for_a_block_that_comes_home_meanwhile() {
    check(|| {
        let pool = pool(8);
        let (first, second) =
            (pool.try_lease(LEN).expect("free"), pool.try_lease(LEN).expect("free"));
        let other = thread::spawn(move || drop(first));
        pool.set_limit(LEN);
        other.join().expect("no panic");
        assert!(pool.try_lease(LEN).is_err(), "one is leased");
        drop(second);
        drop(pool.try_lease(LEN).expect("within the limit"));
        pool.set_limit(usize::MAX);
        assert_whole(&pool);
    });
}
