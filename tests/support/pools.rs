//! Builders for both places where blocks can live: what a pool promises holds on either.

// Not every test file needs both.
#![allow(dead_code)]

use leasehold::{Backing, Builder, Pool};

/// One builder a backing.
pub(crate) fn builders() -> impl Iterator<Item = Builder> {
    let mapped = cfg!(target_os = "linux").then_some(Backing::Mapped);
    mapped.into_iter().chain([Backing::Heap]).map(|backing| Pool::builder().backing(backing))
}

/// One pool a backing, with these classes and this budget.
pub(crate) fn pools<const N: usize>(
    classes: [usize; N],
    budget: usize,
) -> impl Iterator<Item = Pool> {
    builders()
        .map(move |builder| builder.classes(classes).budget(budget).build().expect("a valid pool"))
}
