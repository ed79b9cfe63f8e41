//! Models of what threads do to each other in the pool, explored by loom:
//! `RUSTFLAGS="--cfg leasehold_loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release --test loom`.
#![cfg(leasehold_loom)]

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, Bytes};
use leasehold::{Backing, Lease, Pool, io::Outbox};
use loom::{
    cell::UnsafeCell,
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

const LEN: usize = 64;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // A pool of many words makes long paths; the default is for small models.
    builder.max_branches = 100_000;
    builder.check(model);
}

/// A pool of so many blocks of one class. A magazine of the only shard keeps a quarter of them.
fn pool(blocks: usize) -> Pool {
    pool_of_shards(blocks, 1)
}

fn pool_of_shards(blocks: usize, shards: usize) -> Pool {
    Pool::builder()
        .backing(Backing::Heap)
        .classes([LEN])
        .budget(LEN * blocks)
        .shards(shards)
        .build()
        .expect("a valid pool")
}

/// Says who holds the one block that is free, and fails if two do.
#[derive(Clone)]
struct Holder(Arc<AtomicBool>);

impl Holder {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Leases a block and gives it back; returns whether there was one.
    fn lease_and_return(&self, pool: &Pool) -> bool {
        let Ok(mut block) = pool.try_lease(LEN) else { return false };
        assert!(!self.0.swap(true, Relaxed), "two hold one block");
        block.put_u8(1);
        assert!(self.0.swap(false, Relaxed));
        drop(block);
        true
    }

    /// Reserves the room of that block and gives it back; returns whether there was any.
    fn reserve_and_release(&self, pool: &Pool) -> bool {
        let Ok(reserved) = pool.try_reserve(LEN) else { return false };
        assert!(!self.0.swap(true, Relaxed), "two hold one room");
        assert!(self.0.swap(false, Relaxed));
        drop(reserved);
        true
    }
}

fn poll(lease: &mut Lease) -> bool {
    match Pin::new(lease).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(block) => {
            drop(block.expect("a grant"));
            true
        }
        Poll::Pending => false,
    }
}

/// Whether every block can still be leased.
fn assert_whole(pool: &Pool) {
    assert_eq!(pool.leased(), 0);
    let blocks: Vec<_> = std::iter::from_fn(|| pool.try_lease(LEN).ok()).collect();
    assert_eq!(blocks.len() * LEN, pool.budget());
    drop(blocks);
    assert_eq!(pool.leased(), 0);
}

// ---- magazines and their emptying by others --------------------------------------------------------------------------

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

// ---- shares of one block ---------------------------------------------------------------------------------------------

#[test]
fn a_split_block_comes_home_once_when_its_parts_are_dropped_on_two_threads() {
    check(|| {
        let pool = pool(1);
        let mut tail = pool.try_lease(LEN).expect("free");
        tail.put_bytes(7, 10);
        let head = tail.split_to(5).freeze();
        // Stands for the bytes: whoever leases the block next may write them, after everybody has read.
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

// ---- accounts --------------------------------------------------------------------------------------------------------

#[test]
fn two_threads_on_one_account_stay_within_its_limit() {
    check(|| {
        let pool = pool(2);
        let account = pool.child("account", LEN);
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
        let parent = pool.child("parent", LEN);
        let account = parent.child("account", LEN);
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
        let (left, right) = (pool.child("left", LEN), pool.child("right", LEN));
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

// ---- waiting ---------------------------------------------------------------------------------------------------------

#[test]
fn a_waiter_on_an_exhausted_pool_is_woken_by_a_return_elsewhere() {
    check(|| {
        let pool = pool(1);
        let held = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(held));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_whole(&pool);
    });
}

#[test]
fn a_block_that_goes_to_a_magazine_meanwhile_is_not_missed() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let last = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(last));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_at_the_limit_of_its_account_is_woken_by_a_return_elsewhere() {
    check(|| {
        let pool = pool(2);
        let account = pool.child("account", LEN);
        let held = account.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(held));
        drop(block_on(account.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_that_goes_while_it_is_granted_passes_its_turn_on() {
    check(|| {
        let pool = pool(1);
        let held = pool.try_lease(LEN).expect("free");
        let mut first = pool.lease(LEN);
        assert!(!poll(&mut first));
        let other = thread::spawn(move || drop(held));
        let second = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.lease(LEN)).expect("a grant"))
        });
        drop(first);
        other.join().expect("no panic");
        second.join().expect("no panic");
        assert_eq!(pool.stats().waiting, 0);
        assert_whole(&pool);
    });
}

#[test]
fn two_waiters_get_the_block_one_after_the_other() {
    check(|| {
        let pool = pool(1);
        let account = pool.child("account", LEN);
        let held = account.try_lease(LEN).expect("free");
        let other = thread::spawn({
            let account = account.clone();
            move || drop(block_on(account.lease(LEN)).expect("a grant"))
        });
        let returner = thread::spawn(move || drop(held));
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        returner.join().expect("no panic");
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_who_finds_all_blocks_on_their_way_back_to_the_system_is_woken() {
    check(|| {
        // Only a mapped region sets blocks aside while the system takes their pages.
        let pool =
            Pool::builder().backing(Backing::Mapped).classes([LEN]).budget(LEN).shards(1).build().expect("valid");
        drop(pool.try_lease(LEN).expect("free"));
        let other = thread::spawn({
            let pool = pool.clone();
            move || pool.trim()
        });
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_who_finds_all_blocks_with_somebody_who_is_refused_is_woken() {
    check(|| {
        let pool = Pool::builder()
            .backing(Backing::Heap)
            .classes([LEN, 2 * LEN])
            .budget(LEN * 8)
            .shards(1)
            .build()
            .expect("valid");
        pool.set_limit(LEN);
        drop(pool.try_lease(LEN).expect("free"));
        let other = thread::spawn({
            let pool = pool.clone();
            move || assert!(pool.try_lease(2 * LEN).expect_err("over the limit").is_too_large())
        });
        drop(block_on(pool.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        assert_eq!(pool.leased(), 0);
    });
}

// ---- the outbox ------------------------------------------------------------------------------------------------------

#[test]
fn senders_and_the_writer_of_an_outbox_never_sleep_past_each_other() {
    check(|| {
        // One item at a time: each of them waits for the one before it, and the writer for the next one, or the last sender.
        let (outbox, mut writer) = Outbox::channel(0);
        let sender = thread::spawn(move || {
            block_on(outbox.send(Bytes::from_static(b"a"))).expect("open");
            block_on(outbox.send(Bytes::from_static(b"b"))).expect("open");
        });
        block_on(writer.run(&mut tokio::io::sink())).expect("a sink takes all");
        sender.join().expect("no panic");
    });
}

#[test]
fn a_send_that_goes_while_it_is_granted_passes_its_room_on() {
    check(|| {
        let (outbox, mut writer) = Outbox::channel(0);
        outbox.try_send(Bytes::from_static(b"a")).expect("room");
        let mut first = Box::pin(outbox.send(Bytes::from_static(b"b")));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let second = thread::spawn({
            let outbox = outbox.clone();
            move || block_on(outbox.send(Bytes::from_static(b"c"))).expect("open")
        });
        let run = thread::spawn(move || block_on(writer.run(&mut tokio::io::sink())).expect("a sink takes all"));
        drop(first);
        drop(outbox);
        second.join().expect("no panic");
        run.join().expect("no panic");
    });
}

#[test]
fn a_flush_and_a_watcher_are_woken_by_a_writer_that_writes_and_goes() {
    check(|| {
        let (outbox, mut writer) = Outbox::channel(0);
        outbox.try_send(Bytes::from_static(b"a")).expect("room");
        let other = thread::spawn(move || {
            let mut sink = tokio::io::sink();
            let run = std::pin::pin!(writer.run(&mut sink));
            assert!(run.poll(&mut Context::from_waker(Waker::noop())).is_pending(), "there is a sender");
        });
        block_on(outbox.flush()).expect("written before the writer went");
        block_on(outbox.closed());
        other.join().expect("no panic");
    });
}

// ---- reservations ----------------------------------------------------------------------------------------------------

#[test]
fn a_block_and_a_reservation_that_do_not_fit_together_are_not_held_together() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let holder = Holder::new();
        let other = thread::spawn({
            let (pool, holder) = (pool.clone(), holder.clone());
            move || holder.reserve_and_release(&pool)
        });
        holder.lease_and_return(&pool);
        other.join().expect("no panic");
        // What was returned is in a magazine, and is given up.
        assert!(holder.reserve_and_release(&pool));
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_waiter_for_a_block_is_woken_by_a_reservation_that_goes_elsewhere() {
    check(|| {
        let pool = pool(4);
        let account = pool.child("account", LEN);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let reserved = account.try_reserve(1).expect("room");
        // First at the limit of its account, then for the pool.
        let other = thread::spawn(move || drop(reserved));
        drop(block_on(account.lease(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_eq!(account.leased(), 0);
        assert_whole(&pool);
    });
}

#[test]
fn a_reserve_that_waits_does_not_miss_a_block_that_goes_to_a_magazine_meanwhile() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let last = pool.try_lease(LEN).expect("free");
        let other = thread::spawn(move || drop(last));
        drop(block_on(pool.reserve(LEN)).expect("a grant"));
        other.join().expect("no panic");
        drop(held);
        assert_whole(&pool);
    });
}

#[test]
fn a_reserve_that_goes_while_it_is_granted_passes_its_room_on() {
    check(|| {
        let pool = pool(4);
        let held: Vec<_> = (0..3).map(|_| pool.try_lease(LEN).expect("free")).collect();
        let reserved = pool.try_reserve(LEN).expect("room");
        let mut first = pool.reserve(LEN);
        assert!(Pin::new(&mut first).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = thread::spawn(move || drop(reserved));
        let second = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.lease(LEN)).expect("a grant"))
        });
        drop(first);
        other.join().expect("no panic");
        second.join().expect("no panic");
        assert_eq!(pool.stats().waiting, 0);
        drop(held);
        assert_whole(&pool);
    });
}

// ---- the end of a pool -----------------------------------------------------------------------------------------------

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
        let (block, reserved) = (pool.try_lease(LEN).expect("free"), pool.try_reserve(LEN).expect("room"));
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
        let account = pool.child("account", LEN);
        let (mine, charged) = (pool.try_lease(LEN).expect("free"), account.try_lease(LEN).expect("free"));
        drop((pool, account));
        let other = thread::spawn(move || drop(charged));
        drop(mine);
        other.join().expect("no panic");
    });
}
