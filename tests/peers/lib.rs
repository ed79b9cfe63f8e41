//! Stand-ins for types of tokio, tokio-util and axum: their names and signatures, and behind them
//! the types of this crate. `.ci/peers` compiles the tests of those crates against them, and
//! `docs/peers.md` has the results.
//!
//! A stand-in adds what a signature needs and no behaviour. Most of them add the pool that this
//! crate's constructors ask for.

pub mod buffered;
pub mod bufs;
pub mod compat;
pub mod native;
pub mod relay;
pub mod write;

use std::sync::OnceLock;

use leasehold::Pool;

/// The pool of a case. Each case runs in a process of its own.
pub fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::new(64 << 20).expect("a budget of at least 1 MiB"))
}
