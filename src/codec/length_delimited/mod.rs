//! `LengthDelimitedCodec`: frames that begin with their length.
//!
//! # Shape
//! ```text
//! |<-- length_field_offset -->|<-- length_field_length -->|
//! +---------------------------+---------------------------+---------+-------------------+
//! |          ignored          |        the length n       | ignored |      payload      |
//! +---------------------------+---------------------------+---------+-------------------+
//! |<-------------------------- num_skip --------------------------->|<- n + adjustment ->|
//! ```
//! By default a length of four bytes, big endian, is alone in front of the bytes that it counts. If
//! it counts the head as well, [`length_adjustment`](Builder::length_adjustment) subtracts the head
//! again:
//!
//! | wire | what the length counts | settings |
//! |---|---|---|
//! | `00 0b` `hello world` | the payload | `length_field_type::<u16>()` |
//! | `00 0d` `hello world` | itself and the payload | and `length_adjustment(-2)` |
//! | `00 0b` `hello world` | the payload; the frame keeps its head | and `length_adjustment(2)`, `num_skip(0)` |
//! | `ca` `00 0b` `fe` `hello world` | the payload, with a byte on either side of the length | and `length_field_offset(1)`, `num_skip(4)` |
//!
//! A decoder reads what an encoder with the same settings writes. The encoder writes zeros for the
//! bytes around the length. For a head with other content, write an [`Encoder`] of your own around
//! a codec with neither offset nor skip. A head of more than 64 KiB is an error.
//!
//! # What differs from tokio-util
//! - `max_frame_length` holds for the frame that the decoder returns, in both directions.
//!   tokio-util compares it with the length in the field. So with a negative `length_adjustment` it
//!   refuses to decode what it has encoded, and with a positive one it takes longer frames, unless
//!   the limit is all that the field can express.
//! - A frame that is shorter than the part of the head that it keeps is an error. tokio-util takes
//!   the rest of the head for the next one. This concerns settings with a `num_skip` below the end
//!   of the length field, and an adjustment below what is kept.
//! - Encoding: tokio-util writes the length and the payload, and ignores the offset and the skip.
//!   This concerns settings with a `length_field_offset`, or with a `num_skip` other than the width
//!   of the length.
//!
//! All other settings read and write the same bytes.
//!
//! # Examples
//! ```
//! use bytes::Bytes;
//! use leasehold::{ChainMut, Pool, codec::{Decoder, Encoder, LengthDelimitedCodec}};
//!
//! let pool = Pool::new(8 << 20)?;
//! let mut codec = LengthDelimitedCodec::builder().length_field_type::<u16>().new_codec();
//! let mut wire = ChainMut::new(&pool);
//! codec.encode(Bytes::from_static(b"hello world"), &mut wire)?;
//! let frame = codec.decode(&mut wire)?.expect("a whole frame");
//! assert_eq!(frame, *b"hello world");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod error;
mod field;

pub use self::{builder::Builder, error::LengthDelimitedCodecError, field::LengthFieldType};

use std::io;

use bytes::{Buf, BufMut};

use super::{Decoder, Encoder, Framed, FramedRead, FramedWrite};
use crate::{
    chain::{Chain, ChainMut},
    pool::Account,
};

/// Frames that begin with their length. Frames are split off a chain without copying, and payloads
/// are linked behind their length.
///
/// It is made by [`new`](Self::new) with the defaults of tokio-util's codec of the same name, or by
/// [`builder`](Self::builder) with other settings. The [module](self) describes them.
///
/// | state | bytes | then |
/// |---|---|---|
/// | `Head` | fewer than the head | asks for more |
/// | `Head` | a head with a length that is refused | an error; the head stays, so every further call fails too |
/// | `Head` | a head | drops what is to be skipped, to `Data` |
/// | `Data` | fewer than the frame | asks for more |
/// | `Data` | the frame | splits it off, to `Head` |
///
/// # Memory
/// An announced length leases nothing (NO-TRUST). A payload that is sent is linked, not copied.
/// Only its length is written, and if there is no room the length is linked too. So a frame can be
/// sent on even if its own blocks are all that an account may have. A payload of type `&[u8]` is
/// copied into room that is leased without waiting, so link large payloads instead.
///
/// # Errors
/// An [`io::Error`] around a [`LengthDelimitedCodecError`], or around a
/// [`LeaseError`](crate::LeaseError) if memory is short.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::{ChainMut, Pool, codec::{Decoder, Encoder, LengthDelimitedCodec}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = LengthDelimitedCodec::new();
/// let mut wire = ChainMut::new(&pool);
/// codec.encode(Bytes::from("hello"), &mut wire)?;
/// assert_eq!(wire.len(), 4 + 5);
/// assert_eq!(codec.decode(&mut wire)?.expect("a frame"), *b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LengthDelimitedCodec {
    builder: Builder,
    state: DecodeState,
}

#[derive(Clone, Copy, Debug)]
enum DecodeState {
    Head,
    Data(usize),
}

impl LengthDelimitedCodec {
    /// Makes a codec with the default settings: a length of four bytes, big endian, in front of at
    /// most 8 MiB.
    pub fn new() -> Self {
        Self::with(Builder::new())
    }

    /// Makes a builder with the default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn with(builder: Builder) -> Self {
        Self { builder: builder.clipped(), state: DecodeState::Head }
    }

    /// Sets the longest frame, beginning with the next head. The limit is lowered if the length
    /// field cannot express it.
    pub fn set_max_frame_length(&mut self, max: usize) {
        self.builder.max_frame_length(max);
        self.builder = self.builder.clipped();
    }

    /// The longest frame.
    pub fn max_frame_length(&self) -> usize {
        self.builder.max_frame_len()
    }
}

impl Builder {
    /// Makes a codec with these settings.
    pub fn new_codec(&self) -> LengthDelimitedCodec {
        LengthDelimitedCodec::with(*self)
    }

    /// Frames a transport with a codec of these settings.
    ///
    /// # Examples
    /// ```
    /// use futures_util::{SinkExt, StreamExt};
    /// use leasehold::{Pool, codec::LengthDelimitedCodec};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let mut settings = LengthDelimitedCodec::builder();
    /// settings.max_frame_length(1_000);
    /// let (near, far) = tokio::io::duplex(64);
    /// let mut near = settings.new_framed(near, &pool);
    /// let mut far = settings.new_framed(far, &pool);
    /// near.send(&b"hello"[..]).await?;
    /// assert_eq!(far.next().await.transpose()?.expect("a frame"), *b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_framed<T>(&self, io: T, account: &Account) -> Framed<T, LengthDelimitedCodec> {
        Framed::new(io, self.new_codec(), account)
    }

    /// Frames a reader with a codec of these settings.
    pub fn new_read<T>(&self, io: T, account: &Account) -> FramedRead<T, LengthDelimitedCodec> {
        FramedRead::new(io, self.new_codec(), account)
    }

    /// Frames a writer with a codec of these settings.
    pub fn new_write<T>(&self, io: T, account: &Account) -> FramedWrite<T, LengthDelimitedCodec> {
        FramedWrite::new(io, self.new_codec(), account)
    }
}

impl Default for LengthDelimitedCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for LengthDelimitedCodec {
    type Item = Chain;
    type Error = io::Error;

    fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<Chain>> {
        let len = match self.state {
            DecodeState::Data(len) => len,
            DecodeState::Head if src.len() < self.builder.head_len() => return Ok(None),
            DecodeState::Head => {
                let len = self.builder.frame_len(src)?;
                src.advance(self.builder.skip_len());
                self.state = DecodeState::Data(len);
                len
            }
        };
        if src.len() < len {
            return Ok(None);
        }
        self.state = DecodeState::Head;
        Ok(Some(src.split_frame(len)))
    }
}

/// Links every type that becomes a chain: [`Chain`], [`ChainMut`], [`Bytes`](bytes::Bytes),
/// [`Segment`](crate::Segment), [`Block`](crate::Block), [`BlockMut`](crate::BlockMut).
impl<T: Into<Chain>> Encoder<T> for LengthDelimitedCodec {
    type Error = io::Error;

    fn encode(&mut self, payload: T, dst: &mut ChainMut) -> io::Result<()> {
        let payload = payload.into();
        self.builder.head(payload.len())?.push_to(dst);
        dst.append(payload);
        Ok(())
    }

    /// 0: if there is no room for a length, it is linked like the payload.
    fn head_room(&self) -> usize {
        0
    }
}

/// Copies, into room for all of it.
impl Encoder<&[u8]> for LengthDelimitedCodec {
    type Error = io::Error;

    fn encode(&mut self, payload: &[u8], dst: &mut ChainMut) -> io::Result<()> {
        // Only after the length was checked.
        let head = self.builder.head(payload.len())?;
        dst.try_reserve(head.len() + payload.len())?;
        head.put_to(dst);
        dst.put_slice(payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Pool, codec::HEAD_ROOM};

    fn pool() -> Pool {
        Pool::new(4 << 20).expect("a pool")
    }

    fn reason(error: &io::Error) -> &LengthDelimitedCodecError {
        error.get_ref().and_then(|reason| reason.downcast_ref()).expect("an error of the codec")
    }

    #[test]
    fn an_announced_length_leases_nothing() {
        let pool = pool();
        let mut src = ChainMut::new(&pool);
        src.push(&b"\x00\x7f\xff\xff"[..]);
        let mut codec = LengthDelimitedCodec::new();
        assert!(codec.decode(&mut src).expect("a fair length").is_none());
        assert!(src.is_empty());
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_small_frame_does_not_keep_a_large_block() {
        let pool = pool();
        let mut src = pool.try_chain(64 << 10).expect("a block");
        src.put_slice(b"\x00\x00\x00\x05small");
        let frame =
            LengthDelimitedCodec::new().decode(&mut src).expect("a fair length").expect("a frame");
        drop(src);
        assert_eq!(frame, *b"small");
        assert_eq!(pool.leased(), 1 << 10);
        drop(frame);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_frame_of_several_blocks_is_split_off_without_copying() {
        let pool = pool();
        let mut src = ChainMut::new(&pool);
        let payload = [Bytes::from(vec![b'a'; 3_000]), Bytes::from(vec![b'b'; 2_000])];
        src.push(&b"\x00\x00\x13\x88"[..]);
        payload.iter().for_each(|piece| src.push(piece.clone()));
        let frame =
            LengthDelimitedCodec::new().decode(&mut src).expect("a fair length").expect("a frame");
        let pieces: Vec<_> = frame.segments().map(|segment| segment.as_ref().as_ptr()).collect();
        assert_eq!(pieces, payload.each_ref().map(|piece| piece.as_ptr()));
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_payload_is_linked_behind_its_length() {
        let pool = pool();
        let mut dst = pool.try_chain(HEAD_ROOM).expect("room for a head");
        let leased = pool.leased();
        let payload = Bytes::from(vec![b'x'; 100_000]);
        let mut codec = LengthDelimitedCodec::new();
        codec.encode(payload.clone(), &mut dst).expect("a fair length");
        assert_eq!(pool.leased(), leased);
        let pieces: Vec<_> = dst.chunks().collect();
        assert_eq!(pieces[0], b"\x00\x01\x86\xa0");
        assert_eq!(pieces[1].as_ptr(), payload.as_ptr());
        drop(dst);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_refused_payload_leaves_the_chain_as_it_was() {
        let pool = pool();
        let mut dst = ChainMut::new(&pool);
        let mut codec = LengthDelimitedCodec::builder().max_frame_length(4).new_codec();
        let error = codec.encode(&b"five!"[..], &mut dst).expect_err("over the limit");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(reason(&error).is_too_large());
        assert_eq!(error.to_string(), "a frame of 5 bytes is over the limit of 4");
        assert_eq!((dst.len(), dst.remaining_mut()), (0, 0));
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn without_memory_a_length_is_linked_and_copying_fails() {
        let pool = pool().account("nobody", 0);
        let mut dst = ChainMut::new(&pool);
        let mut codec = LengthDelimitedCodec::new();
        codec.encode(Bytes::from_static(b"x"), &mut dst).expect("nothing is leased for it");
        assert_eq!(dst.split().freeze(), *b"\x00\x00\x00\x01x");
        let error = codec.encode(&b"x"[..], &mut dst).expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(dst.is_empty());
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_length_that_outgrows_its_field_when_adjusted_is_refused() {
        let pool = pool();
        let mut dst = ChainMut::new(&pool);
        let mut codec = LengthDelimitedCodec::builder()
            .length_field_type::<u8>()
            .length_adjustment(-300)
            .new_codec();
        let error = codec.encode(Bytes::new(), &mut dst).expect_err("300 is no byte");
        assert!(reason(&error).is_not_adjustable());
        assert!(dst.is_empty());
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn the_limit_can_be_changed_between_frames() {
        let pool = pool();
        let mut src = ChainMut::new(&pool);
        let mut codec = LengthDelimitedCodec::builder().length_field_type::<u8>().new_codec();
        src.push(&b"\x03one\x05three"[..]);
        assert_eq!(codec.decode(&mut src).expect("under the limit").expect("a frame"), *b"one");
        codec.set_max_frame_length(4);
        assert!(reason(&codec.decode(&mut src).expect_err("over the limit")).is_too_large());
        codec.set_max_frame_length(1_000);
        assert_eq!(codec.max_frame_length(), 255);
        assert_eq!(codec.decode(&mut src).expect("under the limit").expect("a frame"), *b"three");
        assert_eq!(pool.leased(), 0);
    }
}
