//! `Clock`: a coarse time that costs a load.

use std::{
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    time::Duration,
};

use super::millis::Millis;
use crate::sync::AtomicU64;

/// By how much a clock goes on at once.
pub(crate) const TICK: Duration = Duration::from_millis(250);

const TICK_MILLIS: u64 = TICK.as_millis() as u64;

/// A clock that a timer moves, from tick to tick. A tick that comes late is not made up for: after
/// a standstill of the process, not all deadlines have passed.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    #[inline]
    pub(crate) fn now(&self) -> Millis {
        Millis::from_bits(self.0.load(Acquire))
    }

    /// One tick later. Only one timer may call it.
    pub(crate) fn advance(&self) -> Millis {
        let now = Millis::from_bits(self.0.load(Relaxed)).after(TICK);
        self.0.store(now.bits(), Release);
        now
    }
}

impl Millis {
    /// The tick that reaches this time: four bytes, for what sockets keep while they are idle.
    #[inline]
    pub(crate) fn ticks(self) -> u32 {
        match self {
            Self::NEVER => u32::MAX,
            _ => u32::try_from(self.bits().div_ceil(TICK_MILLIS)).unwrap_or(u32::MAX),
        }
    }

    /// The time of a tick; never, if it is the last of all.
    #[inline]
    pub(crate) fn from_ticks(ticks: u32) -> Self {
        match ticks {
            u32::MAX => Self::NEVER,
            _ => Self::from_bits(u64::from(ticks) * TICK_MILLIS),
        }
    }

    /// The deadline of what takes so long from this time of a [`Clock`] on. It is never early: a
    /// part of this tick has passed.
    #[inline]
    pub(crate) fn deadline_after(self, duration: Duration) -> Self {
        match duration {
            Duration::ZERO => self,
            _ => Self::from_bits(self.after(duration).bits() + TICK_MILLIS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early_and_less_than_two_ticks_late() {
        let clock = Clock::default();
        clock.advance();
        let now = clock.now();
        assert_eq!(now.deadline_after(Duration::ZERO), now);
        for millis in [1, 249, 250, 251, 1000] {
            let duration = Duration::from_millis(millis);
            let deadline = now.deadline_after(duration);
            // The tick that has begun may be over at once.
            let ticks = (now.bits()..).step_by(250).find(|&tick| tick >= deadline.bits());
            let waited = ticks.expect("it comes") - now.bits();
            assert!((millis + 250..millis + 500).contains(&waited), "{millis}: {waited}");
        }
        assert_eq!(now.deadline_after(Duration::MAX), Millis::NEVER);
    }

    #[test]
    fn a_time_is_rounded_up_to_its_tick() {
        for (millis, ticks) in [(0, 0), (1, 1), (250, 1), (251, 2), (1 << 39, (1 << 39) / 250 + 1)]
        {
            let time = Millis::from_bits(millis);
            assert_eq!(u64::from(time.ticks()), ticks);
            assert_eq!(Millis::from_ticks(time.ticks()).bits(), ticks * 250);
        }
        assert_eq!(Millis::NEVER.ticks(), u32::MAX);
        assert_eq!(Millis::from_ticks(u32::MAX), Millis::NEVER);
    }
}
