//! `DeflateBuilder`: the settings of a `Deflate`.

use std::{sync::Arc, thread::available_parallelism};

use super::{
    Deflate,
    compressor::Compressor,
    decompressor::Decompressor,
    set::{PLACE_LEN, Set},
    shared::Shared,
};
use crate::pool::{Account, LeaseError};

/// Measured on JSON: level 2 has half the speed of level 1, and a quarter fewer bytes. Level 6 has
/// a tenth fewer bytes than level 2, at a third of its speed.
const LEVEL_DEFAULT: u32 = 2;

/// A message that fits in one packet costs the network the same when it is shorter. To compress 1
/// KiB of JSON takes some 15 us and saves 750 bytes; 5 us of that are the reset of the compressor,
/// whatever the length.
const MESSAGE_MIN_DEFAULT: usize = 1 << 10;

/// The settings of a [`Deflate`]; made by [`Deflate::builder`].
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::Deflate};
///
/// let pool = Pool::new(16 << 20)?;
/// let deflate = Deflate::builder()
///     .max_compressors(2) // messages at once, each way
///     .level(1)
///     .min_message_size(4 << 10)
///     .window_bits(12) // 4 KiB: less memory, less compression
///     .build(&pool)?;
/// assert_eq!(pool.leased(), deflate.reserved());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct DeflateBuilder {
    max_compressors: usize,
    level: u32,
    min_message_size: usize,
    window_bits: u8,
}

impl Deflate {
    /// Makes a `Deflate` with the default settings; its memory is reserved in `account`.
    ///
    /// # Errors
    /// As [`DeflateBuilder::build`].
    pub fn new(account: &Account) -> Result<Self, LeaseError> {
        Self::builder().build(account)
    }

    /// Returns the settings, to change them.
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

    /// Sets how many messages are compressed at once, and how many are inflated at once; at least
    /// one, and one for each core by default.
    pub fn max_compressors(mut self, count: usize) -> Self {
        self.max_compressors = count.max(1);
        self
    }

    /// Sets the compression level, from 1, the fastest, to 9; 2 by default.
    ///
    /// # Panics
    /// If it is out of that range.
    pub fn level(mut self, level: u32) -> Self {
        assert!((1..=9).contains(&level), "a level is from 1 to 9, not {level}");
        self.level = level;
        self
    }

    /// Sets the shortest message that is compressed, in bytes; 1 KiB by default.
    pub fn min_message_size(mut self, bytes: usize) -> Self {
        self.min_message_size = bytes;
        self
    }

    /// Sets the largest window for compression, 2^`bits` bytes, with `bits` from 9 to 15; 15 by
    /// default, which is 32 KiB.
    ///
    /// # Panics
    /// If it is out of that range.
    pub fn window_bits(mut self, bits: u8) -> Self {
        assert!((9..=15).contains(&bits), "a window has 9 to 15 bits, not {bits}");
        self.window_bits = bits;
        self
    }

    /// Reserves the memory of all compressors and decompressors, charged to `account`. They are
    /// made when they are needed.
    ///
    /// # Errors
    /// As [`Account::try_reserve`], for 452 KiB each time with the largest window.
    pub fn build(self, account: &Account) -> Result<Deflate, LeaseError> {
        let mut reservation = account.try_reserve(0)?;
        // One after the other: a single reservation is at most a quarter of the budget.
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
