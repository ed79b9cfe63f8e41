//! Lengths, counts and durations at their extremes: every method that takes one is given the least,
//! the most and what lies around, and says no, or copes. An overflow would panic here, for tests
//! are built with checks; those that may panic do so by their word, and leave all as it was.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use leasehold::Pool;

mod chains;
mod codecs;
mod memory;
mod services;
mod sockets;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Where something wraps, if anything does: at the edges of `u32`, `isize` and `usize`, and of what
/// this crate counts in fewer bits.
const LENS: [usize; 15] = [
    0,
    1,
    2,
    (1 << 24) - 1,
    1 << 24,
    (1 << 24) + 1,
    u32::MAX as usize - 1,
    u32::MAX as usize,
    (u32::MAX as usize).saturating_add(1),
    (u32::MAX as usize).saturating_mul(256),
    isize::MAX as usize - 1,
    isize::MAX as usize,
    isize::MAX as usize + 1,
    usize::MAX - 1,
    usize::MAX,
];

const DURATIONS: [Duration; 4] =
    [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1 << 40), Duration::MAX];

fn pool() -> Pool {
    Pool::new(4 * MIB).expect("a pool")
}

/// Whether it panics, and that it says why: not by an overflow, and not by an index.
fn panics<T>(what: impl FnOnce() -> T) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(what)) else { return false };
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    let said = said.expect("a panic with a text");
    let is_accident = ["overflow", "index out of", "out of range", "unwrap()", "unreachable"]
        .iter()
        .any(|sign| said.contains(sign));
    assert!(!is_accident, "an accident: {said}");
    true
}
