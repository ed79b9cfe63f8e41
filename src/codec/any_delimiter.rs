//! `AnyDelimiterCodec`: frames between delimiters.

use std::io;

use bytes::{Buf, BufMut, Bytes};
use memchr::{memchr, memchr2, memchr3};

use super::{
    Decoder, Encoder,
    seek::{Fault, Seek},
};
use crate::chain::{Chain, ChainMut};

/// Frames that end at any of several delimiters. A frame is a [`Chain`] without its delimiter. If
/// the stream ends without one, the bytes behind the last delimiter are a frame too.
///
/// It behaves as tokio-util's codec of the same name. A frame of more than
/// [`max_length`](Self::max_length) bytes is an error; then the rest of that frame is dropped, and
/// decoding goes on. Up to three delimiters are found faster than more.
///
/// # Memory
/// A frame is split off without copying, unless it would keep a large block (NO-PIN). To send text,
/// room for it and for the sequence behind it is leased without waiting, and the text is copied
/// into it. A [`Chain`] is linked. Nothing is escaped.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::{ChainMut, Pool, codec::{AnyDelimiterCodec, Decoder}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = AnyDelimiterCodec::new_with_max_length(b"\0", b"\0", 8 << 10);
/// let mut received = ChainMut::new(&pool);
/// received.push(Bytes::from_static(b"one\0two"));
/// assert_eq!(codec.decode(&mut received)?.expect("a frame"), *b"one");
/// assert_eq!(codec.decode(&mut received)?, None);
/// assert_eq!(codec.decode_eof(&mut received)?.expect("the last one"), *b"two");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnyDelimiterCodec {
    seek: Seek,
    delimiters: Vec<u8>,
    /// Shared, so that it can be linked behind each chain.
    sequence: Bytes,
}

impl AnyDelimiterCodec {
    /// Makes a codec for frames of any length, as far as memory allows. A frame ends at any of
    /// `seek_delimiters`, and is sent with `sequence_writer` behind it. For peers that are not
    /// trusted, set a limit with [`new_with_max_length`](Self::new_with_max_length).
    pub fn new(seek_delimiters: impl Into<Vec<u8>>, sequence_writer: impl Into<Vec<u8>>) -> Self {
        Self::new_with_max_length(seek_delimiters, sequence_writer, usize::MAX)
    }

    /// As [`new`](Self::new), but a frame may have at most `max_length` bytes.
    pub fn new_with_max_length(
        seek_delimiters: impl Into<Vec<u8>>,
        sequence_writer: impl Into<Vec<u8>>,
        max_length: usize,
    ) -> Self {
        Self {
            seek: Seek::new(max_length),
            delimiters: seek_delimiters.into(),
            sequence: Bytes::from(sequence_writer.into()),
        }
    }

    /// The longest frame, in bytes; `usize::MAX` if there is no limit.
    pub fn max_length(&self) -> usize {
        self.seek.max_len()
    }
}

impl Default for AnyDelimiterCodec {
    /// Frames end at `,`, `;`, `\n` or `\r`, and are sent with `,` behind them.
    fn default() -> Self {
        Self::new(b",;\n\r", b",")
    }
}

impl Decoder for AnyDelimiterCodec {
    type Item = Chain;
    type Error = AnyDelimiterCodecError;

    /// # Errors
    /// A frame is too long. The next call decodes the next frame.
    fn decode(&mut self, src: &mut ChainMut) -> Result<Option<Chain>, AnyDelimiterCodecError> {
        let Some(len) = self.seek.frame_len(src, |piece| find(&self.delimiters, piece))? else {
            return Ok(None);
        };
        let frame = src.split_frame(len);
        src.advance(1);
        Ok(Some(frame))
    }

    fn decode_eof(&mut self, src: &mut ChainMut) -> Result<Option<Chain>, AnyDelimiterCodecError> {
        if let Some(frame) = self.decode(src)? {
            return Ok(Some(frame));
        }
        self.seek.restart();
        Ok((!src.is_empty()).then(|| src.split_frame(src.len())))
    }
}

/// Copies.
impl<T: AsRef<str>> Encoder<T> for AnyDelimiterCodec {
    type Error = AnyDelimiterCodecError;

    fn encode(&mut self, text: T, dst: &mut ChainMut) -> Result<(), AnyDelimiterCodecError> {
        let text = text.as_ref();
        dst.try_reserve(text.len() + self.sequence.len()).map_err(io::Error::from)?;
        dst.put_slice(text.as_bytes());
        dst.put_slice(&self.sequence);
        Ok(())
    }
}

/// Links. It is not implemented for all types that become a chain, as other codecs are, because
/// such a type could be text as well.
impl Encoder<Chain> for AnyDelimiterCodec {
    type Error = AnyDelimiterCodecError;

    fn encode(&mut self, bytes: Chain, dst: &mut ChainMut) -> Result<(), AnyDelimiterCodecError> {
        dst.append(bytes);
        dst.push(self.sequence.clone());
        Ok(())
    }

    fn head_room(&self) -> usize {
        0
    }
}

/// The index of the first delimiter in `piece`.
fn find(delimiters: &[u8], piece: &[u8]) -> Option<usize> {
    match *delimiters {
        [one] => memchr(one, piece),
        [one, two] => memchr2(one, two, piece),
        [one, two, three] => memchr3(one, two, three, piece),
        // All delimiters in one pass: with one search after the other, a delimiter that is far off
        // would be looked for again for each frame before it.
        _ => piece.iter().position(|byte| delimiters.contains(byte)),
    }
}

/// The error of an [`AnyDelimiterCodec`]: there is no next frame, or one cannot be sent.
///
/// # Examples
/// ```
/// use leasehold::{ChainMut, Pool, codec::{AnyDelimiterCodec, Decoder}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = AnyDelimiterCodec::new_with_max_length(b",", b",", 4);
/// let mut received = ChainMut::new(&pool);
/// received.push("too long,next,");
/// assert!(codec.decode(&mut received).is_err_and(|error| error.is_too_long()));
/// assert_eq!(codec.decode(&mut received)?.expect("a frame"), *b"next");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AnyDelimiterCodecError {
    pub(super) fault: Fault,
}

impl AnyDelimiterCodecError {
    /// A frame is longer than the codec's `max_length`. Its bytes are dropped, and the next call
    /// goes on behind it.
    #[doc(alias = "MaxChunkLengthExceeded")]
    pub fn is_too_long(&self) -> bool {
        matches!(self.fault, Fault::TooLong { .. })
    }

    /// The transport failed, or memory for it or for a frame was refused.
    pub fn is_io(&self) -> bool {
        matches!(self.fault, Fault::Io(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn any_count_of_delimiters_is_found() {
        for count in 0..=6 {
            let delimiters = &b",;\n\r\0|"[..count];
            for len in 0..20 {
                let mut piece = vec![b'x'; len];
                assert_eq!(find(delimiters, &piece), None);
                for at in 0..len {
                    for &delimiter in delimiters {
                        piece[at] = delimiter;
                        assert_eq!(find(delimiters, &piece), Some(at));
                    }
                    piece[at] = b'x';
                }
            }
        }
    }

    #[test]
    fn a_short_frame_does_not_keep_a_large_block() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut src = pool.try_chain(64 << 10).expect("a block");
        src.put_slice(b"short,and the rest");
        let frame = AnyDelimiterCodec::default().decode(&mut src).expect("short").expect("a frame");
        drop(src);
        assert_eq!(frame, *b"short");
        assert_eq!(pool.leased(), 1 << 10);
        drop(frame);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_frame_that_is_too_long_is_dropped_and_the_next_one_is_read() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut codec = AnyDelimiterCodec::new_with_max_length(b",", b",", 4);
        src.push("five!");
        let error = codec.decode(&mut src).expect_err("five");
        assert!(error.is_too_long());
        assert_eq!(error.to_string(), "a delimited frame is longer than 4 bytes");
        src.push(" six,four,");
        assert_eq!(codec.decode(&mut src).expect("short").expect("a frame"), *b"four");
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_chain_is_linked_whether_there_is_room_for_its_end_or_not() {
        let pool = Pool::new(1 << 20).expect("a pool");
        for room in [0, 600, 1_024] {
            let mut codec = AnyDelimiterCodec::new(b"\n", b"\r\n");
            let mut dst = ChainMut::new(&pool);
            dst.try_reserve(room).expect("room");
            let mut item = Chain::from(Bytes::from(vec![b'x'; 100]));
            item.push(Bytes::from(vec![b'y'; 511]));
            item.push(Bytes::from(vec![b'z'; 413]));
            let expected = [&item.to_vec()[..], b"\r\n"].concat();
            codec.encode(item, &mut dst).expect("no memory is needed");
            assert_eq!(dst.freeze().to_vec(), expected);
            assert_eq!(pool.leased(), 0);
        }
    }
    #[test]
    fn after_an_end_delimiters_are_sought_from_the_first_byte() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut codec = AnyDelimiterCodec::default();
        src.push("the last one");
        assert_eq!(codec.decode_eof(&mut src).expect("short").expect("a frame"), *b"the last one");
        src.push("a,b,c");
        assert_eq!(codec.decode(&mut src).expect("short").expect("a frame"), *b"a");
        assert_eq!(pool.leased(), 0);
    }
}
