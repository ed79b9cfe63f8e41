//! `Shared`: the part of a [`Deflate`](super::Deflate) that all sockets share.

use std::sync::Arc;

use super::{
    compressor::Compressor,
    decompressor::Decompressor,
    set::{Held, Set},
};
use crate::pool::Reservation;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) compressors: Arc<Set<Compressor>>,
    pub(super) decompressors: Arc<Set<Decompressor>>,
    pub(super) level: u32,
    /// The largest window for compression.
    pub(super) window_bits: u8,
    /// The shortest message that is compressed, in bytes.
    pub(super) min_message_size: usize,
    /// Room in a pool's budget for all compressors and decompressors.
    pub(super) reservation: Reservation,
}

impl Shared {
    /// Takes a compressor whose window is at most 2^`window_bits` bytes, if one is free.
    pub(super) fn try_compressor(&self, window_bits: u8) -> Option<Held<Compressor>> {
        let fits = |compressor: &Compressor| compressor.window_bits() == window_bits;
        self.compressors.try_take(fits, || Compressor::new(self.level, window_bits))
    }
}
