//! `DeflateBuilder`: how a `Deflate` is made.

use std::{sync::Arc, thread::available_parallelism};

use super::{
    Deflate,
    compressor::Compressor,
    decompressor::Decompressor,
    set::{PLACE_LEN, Set},
    shared::Shared,
};
use crate::pool::{Account, LeaseError};

/// Measured on JSON: half the speed of level 1 for a quarter less; level 6 has a tenth less than
/// this at a third of the speed.
const LEVEL_DEFAULT: u32 = 2;

/// What fits in one packet with its headers costs the network the same when it is shorter. To
/// compress 1 KiB takes some 15 us, of which the reset of a compressor takes 5 whatever the length,
/// to save 750 bytes of JSON.
const MESSAGE_MIN_DEFAULT: usize = 1 << 10;

/// Settings of a [`Deflate`]; made by [`Deflate::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct DeflateBuilder {
    max_compressors: usize,
    level: u32,
    min_message_size: usize,
    window_bits: u8,
}

impl Deflate {
    /// The default settings; memory is reserved in `pool`.
    ///
    /// # Errors
    /// As [`DeflateBuilder::build`].
    pub fn new(account: &Account) -> Result<Self, LeaseError> {
        Self::builder().build(account)
    }

    /// Settings.
    pub fn builder() -> DeflateBuilder {
        DeflateBuilder::new()
    }
}

impl DeflateBuilder {
    pub(super) fn new() -> Self {
        Self {
            max_compressors: available_parallelism().map_or(1, usize::from),
            level: LEVEL_DEFAULT,
            min_message_size: MESSAGE_MIN_DEFAULT,
            window_bits: 15,
        }
    }

    /// How many messages are compressed at once, and how many inflated, at least one each; one for
    /// each core by default.
    pub fn max_compressors(mut self, count: usize) -> Self {
        self.max_compressors = count.max(1);
        self
    }

    /// How hard is tried, from 1, the fastest, to 9; 2 by default.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn level(mut self, level: u32) -> Self {
        assert!((1..=9).contains(&level), "there is no level {level} from 1 to 9");
        self.level = level;
        self
    }

    /// The shortest message that is compressed, in bytes; 1 KiB by default.
    pub fn min_message_size(mut self, bytes: usize) -> Self {
        self.min_message_size = bytes;
        self
    }

    /// Compresses with a window of 2^`bits` bytes at most, from 9 to 15; 15 by default, which is 32
    /// KiB.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn window_bits(mut self, bits: u8) -> Self {
        assert!((9..=15).contains(&bits), "there is no window of {bits} bits from 9 to 15");
        self.window_bits = bits;
        self
    }

    /// Reserves the memory of as many compressors and decompressors as there may be, charged to
    /// `pool`. They are made when they are needed.
    ///
    /// # Errors
    /// As [`Account::try_reserve`], for 452 KiB each time with the largest window.
    pub fn build(self, account: &Account) -> Result<Deflate, LeaseError> {
        let mut reservation = account.try_reserve(0)?;
        // One after the other, for one reservation has at most a quarter of the budget.
        for _ in 0..self.max_compressors {
            for heap_len in [Compressor::heap_len(self.window_bits), Decompressor::HEAP_LEN] {
                reservation.try_grow_to(reservation.len() + heap_len + PLACE_LEN)?;
            }
        }
        let shared = Shared {
            compressors: Arc::new(Set::new(self.max_compressors)),
            decompressors: Arc::new(Set::new(self.max_compressors)),
            level: self.level,
            window_bits: self.window_bits,
            min_message_size: self.min_message_size,
            reservation,
        };
        Ok(Deflate { shared: Arc::new(shared) })
    }
}
