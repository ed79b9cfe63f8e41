//! Where blocks live: memory, side tables, runs, the shared store, and the magazines in front of
//! it.
//!
//! The store knows no account and no waiter. The account that a block is charged to is a word in
//! its side table, which the store never reads.

mod batch;
mod bits;
mod class;
mod magazines;
#[allow(unsafe_code)]
mod memory;
mod run;
#[allow(unsafe_code)]
mod slab;
#[allow(unsafe_code)]
mod span;

pub use self::memory::Backing;
pub(in crate::pool) use self::{
    batch::Batch,
    class::{CLASS_LEN_MAX, CLASSES_MAX, ClassIndex, Classes, ClassesError, DEFAULT_CLASSES},
    magazines::{Cache, Popped},
    memory::{Memory, Protection},
    slab::{ClassCount, Leaving, RunPlacement, Slab, SlabCount, Spare, high_mark},
    span::{BlockMeta, RawBlock},
};
