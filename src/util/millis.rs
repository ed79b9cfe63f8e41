//! `Millis`: a time, in five bytes.

use std::{
    cmp::Ordering,
    fmt,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Milliseconds since a clock began. They last 34 years, so that times never come round and are
/// compared as they are. Five bytes fit beside flags, where eight would make an entry larger.
///
/// There are two clocks: [`now`](Self::now) is that of the process; a [`Clock`](super::Clock) goes
/// as its timer does. Times of one are not compared with times of the other.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Millis([u8; 5]);

impl Millis {
    pub(crate) const NEVER: Self = Self([u8::MAX; 5]);

    /// What the clock of the process says: milliseconds since it was asked first.
    pub(crate) fn now() -> Self {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self::from_bits(BEGIN.elapsed().as_millis() as u64)
    }

    /// A count of milliseconds; never, if it is too large.
    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        let never = Self::NEVER.bits();
        let [a, b, c, d, e, ..] = if bits < never { bits } else { never }.to_le_bytes();
        Self([a, b, c, d, e])
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        let [a, b, c, d, e] = self.0;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    /// So much later, rounded up.
    #[inline]
    pub(crate) fn after(self, duration: Duration) -> Self {
        // Not `as_millis`: a division of 128 bits, at each request.
        let part = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
        // What is longer than the times last is never.
        let seconds = duration.as_secs().min(Self::NEVER.bits());
        Self::from_bits(self.bits() + seconds * 1000 + part)
    }

    /// How long ago it was by the clock of the process; up to a millisecond too much or too little.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_millis(Self::now().bits().saturating_sub(self.bits()))
    }
}

impl PartialOrd for Millis {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Millis {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits().cmp(&other.bits())
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Millis").field(&self.bits()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_order_and_never_is_the_last() {
        let times = [0, 1, 255, 256, (1 << 32) - 1, 1 << 32, (1 << 40) - 2].map(Millis::from_bits);
        assert!(times.is_sorted() && times.iter().all(|&time| time < Millis::NEVER));
        assert_eq!(Millis::from_bits(u64::MAX), Millis::NEVER);
        assert_eq!(times[6].after(Duration::from_millis(1)), Millis::NEVER);
        assert_eq!(Millis::default().after(Duration::MAX), Millis::NEVER);
    }

    #[test]
    fn later_is_never_too_early() {
        let after = |duration| Millis::from_bits(7).after(duration).bits();
        assert_eq!((after(Duration::ZERO), after(Duration::from_nanos(1))), (7, 8));
        assert_eq!(
            (after(Duration::from_millis(1_999)), after(Duration::new(2, 1))),
            (2_006, 2_008)
        );
    }

    #[test]
    fn the_clock_of_the_process_goes() {
        let before = Millis::now();
        std::thread::sleep(Duration::from_millis(20));
        assert!((19..2000).contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
    }
}
