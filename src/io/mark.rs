//! `Mark`: which waker stands in a list, in four bytes.
//!
//! # Invariants
//! - MARK: the list keeps the waker that was entered last, so no other task can have its address
//!   meanwhile. A waker is entered again when its address differs; two that are a multiple of 32
//!   GiB apart are taken for one.

use std::{num::NonZeroU32, task::Waker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(NonZeroU32);

impl Mark {
    /// Of no waker: those of wakers are odd.
    pub(crate) const NONE: Self = Self(NonZeroU32::new(2).unwrap());

    pub(crate) fn of(waker: &Waker) -> Self {
        // What wakers point to is aligned to more than a byte.
        Self(NonZeroU32::MIN | (waker.data().addr() >> 3) as u32)
    }

    pub(super) fn bits(self) -> u32 {
        self.0.get()
    }
}
