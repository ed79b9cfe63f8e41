//! `Clock`: a coarse time, in ticks.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed, Release},
    },
    time::Duration,
};

use crate::sync::AtomicU32;

/// How coarse deadlines are.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// A time, in ticks since the clock began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u32);

impl Tick {
    pub(crate) const NEVER: Self = Self(u32::MAX);

    /// So much later, and never earlier: the present tick has partly passed.
    pub(crate) fn after(self, duration: Duration) -> Self {
        if duration.is_zero() {
            return self;
        }
        // By the second: a division of all the nanoseconds would be one of 128 bits, at each
        // request.
        const PER_SECOND: u64 = 1_000_000_000 / TICK.as_nanos() as u64;
        let part = u64::from(duration.subsec_nanos().div_ceil(TICK.subsec_nanos()));
        let ticks = duration.as_secs().saturating_mul(PER_SECOND).saturating_add(part + 1);
        Self(
            u32::try_from(ticks)
                .ok()
                .and_then(|ticks| self.0.checked_add(ticks))
                .unwrap_or(u32::MAX),
        )
    }
}

/// What time it is, for all that have a clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU32>);

impl Clock {
    pub(crate) fn now(&self) -> Tick {
        Tick(self.0.load(Acquire))
    }

    /// One tick later. Only the task of the timer counts.
    pub(crate) fn advance(&self) -> Tick {
        let now = self.0.load(Relaxed) + 1;
        self.0.store(now, Release);
        Tick(now)
    }
}
