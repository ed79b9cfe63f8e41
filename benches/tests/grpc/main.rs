//! `BudgetLayer` in front of a gRPC service. It is here because tonic is a heavy dependency.

mod calls;
#[path = "../../grpc/raw.rs"]
mod raw;

use std::{
    panic::Location,
    time::{Duration, Instant},
};

use leasehold::{BlockMut, Pool};
use tokio::time::sleep;

const BUDGET: usize = 8 << 20;

/// What a request is reserved beside its body, unless the layer is told otherwise.
const FLOOR: usize = 64 << 10;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

fn pool() -> Pool {
    Pool::new(BUDGET).expect("a budget of 8 MiB holds the default classes")
}

/// Blocks until the pool has none left.
fn lease_all(pool: &Pool) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(1).ok()).collect()
}

/// Waits until something is so.
#[track_caller]
fn until(is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = Location::caller();
    async move {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{place}: it does not come to be");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Waits until nothing is charged or reserved.
#[track_caller]
fn until_home(pool: &Pool) -> impl Future<Output = ()> {
    until(|| (pool.leased(), pool.stats().reserved) == (0, 0))
}

/// Bytes that tell where they belong.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}
