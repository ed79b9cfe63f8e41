//! Leased, chained, size-classed buffers for tokio.

#![deny(unsafe_code)]

mod pool;
mod sync;

pub use pool::*;
