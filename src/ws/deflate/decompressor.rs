//! `Decompressor`: inflates one message at a time.

use std::{fmt, ops::Range};

use flate2::{Decompress, FlushDecompress, Status};

use super::compressor::SCRATCH_LEN;
use crate::ws::protocol::violation::Violation;

/// An inflate stream, and its last output.
///
/// It has the largest window, which inflates data of any smaller window.
pub(super) struct Decompressor {
    stream: Decompress,
    scratch: Box<[u8]>,
    output: Range<usize>,
}

/// How far the input was inflated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inflated {
    /// How many bytes of the input were taken.
    pub(super) taken: usize,
    /// The final block of a stream has ended there.
    pub(super) has_ended: bool,
}

impl Decompressor {
    /// Bytes on the heap, measured on zlib-rs.
    pub(super) const HEAP_LEN: usize = 47_552 + SCRATCH_LEN;

    pub(super) fn new() -> Self {
        Self {
            stream: Decompress::new(false),
            scratch: vec![0; SCRATCH_LEN].into_boxed_slice(),
            output: 0..0,
        }
    }

    /// Forgets the last message.
    pub(super) fn begin(&mut self) {
        self.stream.reset(false);
        self.output = 0..0;
    }

    /// Inflates from the front of `input`; the last output must be consumed. Bytes behind a final
    /// block are another stream.
    ///
    /// # Errors
    /// The data are broken; or the input is empty, and there is no output left.
    pub(super) fn inflate(&mut self, input: &[u8]) -> Result<Inflated, Violation> {
        debug_assert!(self.output.is_empty());
        let may_be_idle = self.may_have_more();
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, &mut self.scratch, FlushDecompress::None);
        let (taken, len) =
            (self.stream.total_in() - before_in, self.stream.total_out() - before_out);
        self.output = 0..len as usize;
        match status {
            Ok(Status::StreamEnd) => {
                self.stream.reset(false);
                Ok(Inflated { taken: taken as usize, has_ended: true })
            }
            Ok(_) if taken > 0 || len > 0 || may_be_idle => {
                Ok(Inflated { taken: taken as usize, has_ended: false })
            }
            _ => Err(Violation::Inflate),
        }
    }

    /// Whether there may be output without more input: the last output filled its room.
    pub(super) fn may_have_more(&self) -> bool {
        self.output.end == self.scratch.len()
    }

    /// The output that was not consumed yet.
    pub(super) fn output(&self) -> &[u8] {
        &self.scratch[self.output.clone()]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.output.start += count;
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("output", &self.output).finish_non_exhaustive()
    }
}
