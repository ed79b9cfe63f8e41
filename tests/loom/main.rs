//! Models of what threads do to each other in the pool, explored by loom:
//! `RUSTFLAGS="--cfg leasehold_loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release --test loom`.
#![cfg(leasehold_loom)]

mod accounts;
mod credits;
mod endings;
mod holder;
mod magazines;
mod outbox;
mod reservations;
mod shares;
mod waiting;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use leasehold::{Backing, Pool};

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

/// Polls once; whether it is to be waited for.
fn is_pending<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Whether every block can still be leased.
fn assert_whole(pool: &Pool) {
    assert_eq!(pool.leased(), 0);
    let blocks: Vec<_> = std::iter::from_fn(|| pool.try_lease(LEN).ok()).collect();
    assert_eq!(blocks.len() * LEN, pool.budget());
    drop(blocks);
    assert_eq!(pool.leased(), 0);
}
