//! `Input`: what a fuzzer came up with, read as numbers.

/// Bytes that are used up from the front; zeros follow them.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// A number below `end`, of two bytes.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % end
    }

    /// A number below `end`, or none.
    pub(crate) fn maybe_below(&mut self, end: u8) -> Option<usize> {
        let byte = self.byte();
        (byte >= 128).then(|| usize::from(byte % end))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}
