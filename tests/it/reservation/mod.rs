//! Reservations: bytes that belong to no block and count in the budget, in the accounts and in the
//! queue.

mod counting;
mod ends;
mod threads;
mod waiting;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use leasehold::{BlockMut, Pool, Reservation};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What a wait was granted by now.
fn granted<T, E: std::fmt::Debug>(future: &mut (impl Future<Output = Result<T, E>> + Unpin)) -> T {
    match poll(future) {
        Poll::Ready(granted) => granted.expect("a grant"),
        Poll::Pending => panic!("not granted yet"),
    }
}

/// Blocks until the pool has none left.
fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

/// Reserves in parts that may be reserved at once.
fn reserve(pool: &Pool, len: usize) -> Reservation {
    let mut reserved = pool.try_reserve(0).expect("nothing is always there");
    while reserved.len() < len {
        let next = len.min(reserved.len() + pool.budget() / 4);
        reserved.try_grow_to(next).expect("room");
    }
    reserved
}
