//! `ClientWait`: the time at which a wait began, if there is a wait.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::{
    sync::AtomicU64,
    util::{Clock, Millis},
};

/// One thread at a time begins or ends it; any thread may look.
#[derive(Debug)]
pub(super) struct ClientWait(AtomicU64);

impl ClientWait {
    /// Begins a wait, unless one is going on.
    pub(super) fn begin(&self, clock: &Clock) {
        if self.since() == Millis::NEVER {
            self.0.store(clock.now().bits(), Release);
        }
    }

    pub(super) fn end(&self) {
        // Mostly there is no wait, and a load is cheaper than a store.
        if self.0.load(Relaxed) != Millis::NEVER.bits() {
            self.0.store(Millis::NEVER.bits(), Release);
        }
    }

    /// When the wait began; never, if there is none.
    pub(super) fn since(&self) -> Millis {
        Millis::from_bits(self.0.load(Acquire))
    }
}

impl Default for ClientWait {
    fn default() -> Self {
        Self(AtomicU64::new(Millis::NEVER.bits()))
    }
}
