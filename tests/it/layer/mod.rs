//! `BudgetLayer`: what it admits and reserves, that uploads at once stay within the budget, and
//! that every path gives back what was reserved.

mod admission;
mod client;
mod faults;
mod refunds;
mod refusals;
mod requests;
mod responses;
mod site;
mod stacks;
mod streams;
mod uploads;

use crate::support::bodies;
use crate::support::pools;

use leasehold::{Account, BlockMut, Pool};

const BUDGET: usize = 8 << 20;

/// What a request is reserved beside its body, unless the layer is told otherwise.
const FLOOR: usize = 64 << 10;

fn pool() -> Pool {
    Pool::new(BUDGET).expect("a budget of 8 MiB holds the default classes")
}

/// Blocks until the pool has none left.
fn lease_all(pool: &Account) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(1).ok()).collect()
}
