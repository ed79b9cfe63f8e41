//! `Wait`: since when something is waited for, if it is.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::{
    io::{Clock, Tick},
    sync::AtomicU32,
};

/// Begun and ended by one at a time; all may look.
#[derive(Debug)]
pub(super) struct Wait(AtomicU32);

impl Wait {
    /// Begins, or goes on.
    pub(super) fn begin(&self, clock: &Clock) {
        if self.since() == Tick::NEVER {
            self.0.store(clock.now().0, Release);
        }
    }

    pub(super) fn end(&self) {
        // Mostly there is none: a load is cheaper than a store.
        if self.0.load(Relaxed) != Tick::NEVER.0 {
            self.0.store(Tick::NEVER.0, Release);
        }
    }

    /// When it began; never, if nothing is waited for.
    pub(super) fn since(&self) -> Tick {
        Tick(self.0.load(Acquire))
    }
}

impl Default for Wait {
    fn default() -> Self {
        Self(AtomicU32::new(Tick::NEVER.0))
    }
}
