//! `Compressor`: compresses one message at a time.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress};

/// How much a compressor or decompressor puts out at once. From 4 KiB on, the copy from there into
/// leased blocks is too short to be measured. Most messages are no longer than this, and are leased
/// by their length.
pub(super) const SCRATCH_LEN: usize = 16 << 10;

/// A deflate stream, and room for its next output.
pub(super) struct Compressor {
    stream: Compress,
    level: u32,
    window_bits: u8,
    /// In the middle of a message.
    is_begun: bool,
    scratch: Box<[u8]>,
}

impl Compressor {
    /// Makes a compressor with a window of 2^`window_bits` bytes, 9 to 15.
    pub(super) fn new(level: u32, window_bits: u8) -> Self {
        Self {
            stream: stream(level, window_bits),
            level,
            window_bits,
            is_begun: false,
            scratch: vec![0; SCRATCH_LEN].into_boxed_slice(),
        }
    }

    /// Bytes on the heap: measured on zlib-rs, 4 for each byte of the window and the rest for
    /// hashes, literals and symbols.
    pub(super) const fn heap_len(window_bits: u8) -> usize {
        248_960 + (4 << window_bits) + SCRATCH_LEN
    }

    pub(super) fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Forgets the last message.
    pub(super) fn begin(&mut self) {
        // In zlib-rs 0.6 a reset keeps the position in the pending output, and whether a block is
        // open. A message that was given up would spoil the next ones, or make them panic. A new
        // stream costs 11 us, a reset 4.
        if self.is_begun {
            self.stream = stream(self.level, self.window_bits);
        } else {
            self.stream.reset();
        }
        self.is_begun = true;
    }

    /// Compresses from the front of `input`, or flushes if it is empty. Returns how many bytes it
    /// took, and the output. A flush is over when the output is shorter than [`SCRATCH_LEN`].
    pub(super) fn compress(&mut self, input: &[u8]) -> (usize, &[u8]) {
        let flush = if input.is_empty() { FlushCompress::Sync } else { FlushCompress::None };
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        // With room for output, this cannot fail.
        let done = self.stream.compress(input, &mut self.scratch, flush);
        debug_assert!(done.is_ok(), "{done:?}");
        let (taken, len) =
            (self.stream.total_in() - before_in, self.stream.total_out() - before_out);
        self.is_begun &= !input.is_empty() || len as usize == SCRATCH_LEN;
        (taken as usize, &self.scratch[..len as usize])
    }
}

fn stream(level: u32, window_bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(level), false, window_bits)
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text in which little repeats.
    fn plain(len: usize) -> Vec<u8> {
        let mut dice = 1_u32;
        let mut next = || {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (dice >> 27) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn compressed(compressor: &mut Compressor, mut input: &[u8]) -> Vec<u8> {
        compressor.begin();
        let mut output = Vec::new();
        loop {
            let is_flush = input.is_empty();
            let (taken, bytes) = compressor.compress(input);
            output.extend_from_slice(bytes);
            if is_flush && bytes.len() < SCRATCH_LEN {
                return output;
            }
            input = &input[taken..];
        }
    }

    #[test]
    fn a_message_that_was_given_up_leaves_no_trace_in_the_next() {
        let (large, small) = (plain(200_000), plain(40_000));
        for level in [1, 2, 6] {
            let mut compressor = Compressor::new(level, 15);
            let expected = compressed(&mut compressor, &small);
            for given_up_after in [0, 1, 2, 3, 8, 15] {
                compressor.begin();
                let mut input = &large[..];
                for _ in 0..given_up_after {
                    let (taken, _) = compressor.compress(input);
                    input = &input[taken..];
                }
                assert!(
                    compressed(&mut compressor, &small) == expected,
                    "level {level}, after {given_up_after} calls"
                );
                assert!(
                    compressed(&mut compressor, &small) == expected,
                    "level {level}, and once more"
                );
            }
        }
    }
}
