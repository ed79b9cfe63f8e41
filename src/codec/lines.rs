//! `LinesCodec`: lines of text.

use std::io;

use bytes::{Buf, BufMut};
use memchr::memchr;

use super::{
    Decoder, Encoder,
    seek::{Fault, Seek},
};
use crate::chain::ChainMut;

/// Lines of UTF-8 that end in `\n` or `\r\n`, without their ends. If the stream ends without one,
/// the bytes behind the last end are a line too.
///
/// It behaves as tokio-util's codec of the same name. A line of more than
/// [`max_length`](Self::max_length) bytes is an error; a `\r` before its end counts. Then the rest
/// of that line is dropped, and decoding goes on.
///
/// # Memory
/// When its end has arrived, a line is copied into a `String` of its length: on the heap, outside
/// of any budget. For lines in leased memory, without a copy and without UTF-8, use
/// [`AnyDelimiterCodec`](super::AnyDelimiterCodec) with `\n`.
///
/// Encoding leases room for a line and a `\n` without waiting, and copies both into it. Nothing is
/// escaped: a `\n` within a line makes two lines.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::{ChainMut, Pool, codec::{Decoder, LinesCodec}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = LinesCodec::new_with_max_length(8 << 10);
/// let mut received = ChainMut::new(&pool);
/// received.push(Bytes::from_static(b"one\r\ntw"));
/// assert_eq!(codec.decode(&mut received)?.as_deref(), Some("one"));
/// assert_eq!(codec.decode(&mut received)?, None);
/// received.push(Bytes::from_static(b"o"));
/// assert_eq!(codec.decode_eof(&mut received)?.as_deref(), Some("two"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinesCodec {
    seek: Seek,
}

impl LinesCodec {
    /// Makes a codec for lines of any length, as far as memory allows. For peers that are not
    /// trusted, set a limit with [`new_with_max_length`](Self::new_with_max_length).
    pub fn new() -> Self {
        Self::new_with_max_length(usize::MAX)
    }

    /// Makes a codec for lines of at most `max_length` bytes.
    pub fn new_with_max_length(max_length: usize) -> Self {
        Self { seek: Seek::new(max_length) }
    }

    /// The longest line, in bytes; `usize::MAX` if there is no limit.
    pub fn max_length(&self) -> usize {
        self.seek.max_len()
    }
}

impl Default for LinesCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for LinesCodec {
    type Item = String;
    type Error = LinesCodecError;

    /// # Errors
    /// A line is too long, or not UTF-8. A line that is not UTF-8 is consumed. Either way the next
    /// call decodes the next line.
    fn decode(&mut self, src: &mut ChainMut) -> Result<Option<String>, LinesCodecError> {
        let Some(len) = self.seek.frame_len(src, |piece| memchr(b'\n', piece))? else {
            return Ok(None);
        };
        let line = take_line(src, len);
        src.advance(1);
        text(line).map(Some)
    }

    fn decode_eof(&mut self, src: &mut ChainMut) -> Result<Option<String>, LinesCodecError> {
        if let Some(line) = self.decode(src)? {
            return Ok(Some(line));
        }
        self.seek.restart();
        if src.is_empty() || (src.len() == 1 && src.chunk() == b"\r") {
            return Ok(None);
        }
        text(take_line(src, src.len())).map(Some)
    }
}

impl<T: AsRef<str>> Encoder<T> for LinesCodec {
    type Error = LinesCodecError;

    fn encode(&mut self, line: T, dst: &mut ChainMut) -> Result<(), LinesCodecError> {
        let line = line.as_ref();
        dst.try_reserve(line.len() + 1).map_err(io::Error::from)?;
        dst.put_slice(line.as_bytes());
        dst.put_u8(b'\n');
        Ok(())
    }
}

/// Takes `len` bytes off the front, without a `\r` at their end.
fn take_line(src: &mut ChainMut, len: usize) -> Vec<u8> {
    let mut line = Vec::with_capacity(len);
    line.put(Buf::take(src, len));
    line.pop_if(|last| *last == b'\r');
    line
}

fn text(line: Vec<u8>) -> Result<String, LinesCodecError> {
    String::from_utf8(line)
        .map_err(|error| LinesCodecError { fault: Fault::NotText(error.utf8_error()) })
}

/// The error of a [`LinesCodec`]: there is no next line, or one cannot be sent.
///
/// # Examples
/// ```
/// use leasehold::{ChainMut, Pool, codec::{Decoder, LinesCodec}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = LinesCodec::new_with_max_length(4);
/// let mut received = ChainMut::new(&pool);
/// received.push("too long\nnext\n");
/// assert!(codec.decode(&mut received).is_err_and(|error| error.is_too_long()));
/// assert_eq!(codec.decode(&mut received)?.as_deref(), Some("next"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LinesCodecError {
    pub(super) fault: Fault,
}

impl LinesCodecError {
    /// A line is longer than the codec's `max_length`. Its bytes are dropped, and the next call
    /// goes on behind it.
    #[doc(alias = "MaxLineLengthExceeded")]
    pub fn is_too_long(&self) -> bool {
        matches!(self.fault, Fault::TooLong { .. })
    }

    /// A line is not UTF-8. It is consumed.
    pub fn is_not_text(&self) -> bool {
        matches!(self.fault, Fault::NotText(_))
    }

    /// The transport failed, or memory for it or for a line was refused.
    pub fn is_io(&self) -> bool {
        matches!(self.fault, Fault::Io(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn a_line_lies_in_several_pieces() {
        let pool = Pool::builder().budget(64 << 10).classes([4, 8]).build().expect("a pool");
        let mut src = pool.try_chain(100).expect("room");
        src.put_slice("eine längere Zeile\r\nund noch".as_bytes());
        assert!(src.segment_count() > 3);
        let mut codec = LinesCodec::new();
        assert_eq!(codec.decode(&mut src).expect("text").as_deref(), Some("eine längere Zeile"));
        assert_eq!(codec.decode(&mut src).expect("text"), None);
        assert_eq!(codec.decode_eof(&mut src).expect("text").as_deref(), Some("und noch"));
        assert_eq!(codec.decode_eof(&mut src).expect("text"), None);
        drop(src);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_one_is_read() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut codec = LinesCodec::new_with_max_length(4);
        src.push("four\nfive!");
        assert_eq!(codec.decode(&mut src).expect("short").as_deref(), Some("four"));
        let error = codec.decode(&mut src).expect_err("five");
        assert!(error.is_too_long());
        assert_eq!(error.to_string(), "a line is longer than 4 bytes");
        assert_eq!(codec.decode(&mut src).expect("dropped"), None);
        assert!(src.is_empty(), "what is too long keeps no memory");
        src.push(" six\nyes\n");
        assert_eq!(codec.decode(&mut src).expect("short").as_deref(), Some("yes"));
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_line_that_is_no_text_is_consumed() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut codec = LinesCodec::new();
        src.push(&b"a\xffb\nyes\n"[..]);
        let error = codec.decode(&mut src).expect_err("no text");
        assert!(error.is_not_text());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
        assert_eq!(codec.decode(&mut src).expect("text").as_deref(), Some("yes"));
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn without_memory_encoding_fails_and_writes_nothing() {
        let pool = Pool::new(1 << 20).expect("a pool").account("nobody", 0);
        let mut dst = ChainMut::new(&pool);
        let error = LinesCodec::new().encode("a line", &mut dst).expect_err("no room");
        assert!(error.is_io());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::OutOfMemory);
        assert!(dst.is_empty());
        assert_eq!(pool.leased(), 0);
    }
}
