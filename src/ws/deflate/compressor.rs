//! `Compressor`: what compresses one message at a time.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress};

use super::SCRATCH_LEN;

/// A deflate stream, and room for what comes out of it next.
pub(super) struct Compressor {
    stream: Compress,
    window_bits: u8,
    scratch: Box<[u8]>,
}

impl Compressor {
    /// One whose window has 2^`window_bits` bytes, 9 to 15.
    pub(super) fn new(level: u32, window_bits: u8) -> Self {
        Self {
            stream: Compress::new_with_window_bits(Compression::new(level), false, window_bits),
            window_bits,
            scratch: vec![0; SCRATCH_LEN].into_boxed_slice(),
        }
    }

    /// Bytes on the heap: measured on zlib-rs, 4 for each byte of the window and the rest for hashes, literals and symbols.
    pub(super) const fn heap_len(window_bits: u8) -> usize {
        248_960 + (4 << window_bits) + SCRATCH_LEN
    }

    pub(super) fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Forgets the last message.
    pub(super) fn begin(&mut self) {
        self.stream.reset();
    }

    /// Compresses from the front of `input`, or flushes if it is empty. Says how many bytes it took, and what came out; a flush is over when
    /// less comes out than [`SCRATCH_LEN`].
    pub(super) fn compress(&mut self, input: &[u8]) -> (usize, &[u8]) {
        let flush = if input.is_empty() { FlushCompress::Sync } else { FlushCompress::None };
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        // With room for output, nothing fails.
        let done = self.stream.compress(input, &mut self.scratch, flush);
        debug_assert!(done.is_ok(), "{done:?}");
        let (taken, len) = (self.stream.total_in() - before_in, self.stream.total_out() - before_out);
        (taken as usize, &self.scratch[..len as usize])
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}
