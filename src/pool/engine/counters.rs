//! What a core counts.
//!
//! # Invariants
//! - QUIET: counters cost nothing on the fast path of a lease. They are kept by the slow path, or
//!   summed when they are read.

use std::sync::atomic::Ordering::Relaxed;

use super::trace;
use crate::sync::{AtomicU64, AtomicUsize};

#[derive(Default)]
pub(in crate::pool) struct Counters {
    pub(in crate::pool) waits: AtomicU64,
    pub(in crate::pool) refused: AtomicU64,
    pub(in crate::pool) cache_flushes: AtomicU64,
    pub(in crate::pool) trimmed: AtomicU64,
    pub(super) peak: AtomicUsize,
    /// Not zero while the slab has given out more than ever since the peak was sampled.
    pub(in crate::pool) news: AtomicUsize,
    /// The time of the last warning about refusals.
    pub(in crate::pool) warned: trace::Warned,
    /// The number of tasks that wait for pressure. While it is not 0, every lease that its own
    /// magazine could not serve samples the pressure.
    pub(super) watchers: AtomicUsize,
}

impl Counters {
    /// Raises the peak to `leased`, if that is more. Returns the peak.
    pub(in crate::pool) fn raise_peak(&self, leased: usize) -> usize {
        self.peak.fetch_max(leased, Relaxed).max(leased)
    }
}

/// Counts one wait for pressure.
pub(super) struct Watcher<'a>(&'a AtomicUsize);

impl<'a> Watcher<'a> {
    pub(super) fn new(watchers: &'a AtomicUsize) -> Self {
        watchers.fetch_add(1, Relaxed);
        Self(watchers)
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
