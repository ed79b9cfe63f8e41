//! `Dice`: what happens next.

use std::{ops::Range, time::Duration};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

const KIB: usize = 1 << 10;

/// Random numbers of one guest, by the seed of the run and the guest's own number.
pub(crate) struct Dice(SmallRng);

impl Dice {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    pub(crate) fn one_in(&mut self, count: u32) -> bool {
        self.0.random_ratio(1, count)
    }

    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        self.0.random_range(range)
    }

    pub(crate) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.0.random_range(range))
    }

    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.within(0..N)]
    }

    /// The length of a message: none to a mebibyte, and most are short.
    pub(crate) fn len(&mut self) -> usize {
        let most = match self.within(0..100) {
            0..8 => 0,
            8..40 => 64,
            40..70 => 4 * KIB,
            70..90 => 64 * KIB,
            90..97 => 256 * KIB,
            _ => KIB * KIB,
        };
        self.within(0..most + 1)
    }

    /// The length of one that fills buffers on its way.
    pub(crate) fn long_len(&mut self) -> usize {
        self.within(256 * KIB..KIB * KIB + 1)
    }
}
