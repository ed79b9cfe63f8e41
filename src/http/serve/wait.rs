//! `Wait`: the time at which a wait began, if there is a wait.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::{
    io::{Clock, Tick},
    sync::AtomicU32,
};

/// One thread at a time begins or ends it; any thread may look.
#[derive(Debug)]
pub(super) struct Wait(AtomicU32);

impl Wait {
    /// Begins a wait, unless one is going on.
    pub(super) fn begin(&self, clock: &Clock) {
        if self.since() == Tick::NEVER {
            self.0.store(clock.now().0, Release);
        }
    }

    pub(super) fn end(&self) {
        // Mostly there is no wait, and a load is cheaper than a store.
        if self.0.load(Relaxed) != Tick::NEVER.0 {
            self.0.store(Tick::NEVER.0, Release);
        }
    }

    /// When the wait began; never, if there is none.
    pub(super) fn since(&self) -> Tick {
        Tick(self.0.load(Acquire))
    }
}

impl Default for Wait {
    fn default() -> Self {
        Self(AtomicU32::new(Tick::NEVER.0))
    }
}
