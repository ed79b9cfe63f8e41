//! `Builder`: the layout of the head of a frame.
//!
//! # Invariants
//! - FRAME-MAX: a frame that the decoder returns is never longer than `max_frame_length`, and the
//!   encoder writes no frame that a decoder with the same settings refuses. tokio-util compares the
//!   limit with the length as it is written, before the adjustment.
//! - FORWARD: each frame takes at least its whole head, so that no byte is read as part of two
//!   heads. tokio-util returns empty frames without end if the head is kept and its length does not
//!   count it.

use std::{io, ops::Range};

use bytes::{BufMut, Bytes};

use super::{LengthDelimitedCodecError, LengthFieldType};
use crate::chain::ChainMut;

/// The longest frame by default, as in tokio-util.
const MAX_FRAME_LEN_DEFAULT: usize = 8 << 20;

/// The widest length field: a `u64`.
const FIELD_LEN_MAX: usize = 8;

/// The longest head that is written. The bytes around the length are zeros, which are stored once
/// for all codecs.
const HEAD_LEN_MAX: usize = 64 << 10;

static ZEROS: [u8; HEAD_LEN_MAX] = [0; HEAD_LEN_MAX];

/// The settings of a [`LengthDelimitedCodec`](super::LengthDelimitedCodec): where the length is,
/// how it is written, and what it counts.
///
/// # Shape
/// All lengths are in bytes. An offset or a skip above 4 GiB counts as 4 GiB. The
/// [picture](super#shape) shows what they measure. If the length field cannot express
/// `max_frame_length`, the limit is lowered to the largest value of the field.
///
/// # Examples
/// ```
/// use leasehold::codec::LengthDelimitedCodec;
///
/// let codec =
///     LengthDelimitedCodec::builder().length_field_type::<u16>().little_endian().new_codec();
/// assert_eq!(codec.max_frame_length(), 65_535);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `new_codec`"]
pub struct Builder {
    max_frame_len: usize,
    adjustment: isize,
    // Narrow, because a codec is part of every idle connection.
    field_offset: u32,
    skip: Option<u32>,
    field_len: u8,
    order: Order,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Big,
    Little,
}

impl Builder {
    /// Begins with the defaults: a length of four bytes, big endian, in front of at most 8 MiB.
    pub fn new() -> Self {
        Self {
            max_frame_len: MAX_FRAME_LEN_DEFAULT,
            field_len: 4,
            field_offset: 0,
            adjustment: 0,
            skip: None,
            order: Order::Big,
        }
    }

    /// The most significant byte of the length comes first. This is the default.
    pub fn big_endian(&mut self) -> &mut Self {
        self.order = Order::Big;
        self
    }

    /// The least significant byte of the length comes first.
    pub fn little_endian(&mut self) -> &mut Self {
        self.order = Order::Little;
        self
    }

    /// The length's bytes come in the order of this machine.
    pub fn native_endian(&mut self) -> &mut Self {
        if cfg!(target_endian = "big") { self.big_endian() } else { self.little_endian() }
    }

    /// The longest frame. The default is 8 MiB.
    ///
    /// The limit holds for the frame that the decoder returns: the length in the field, after the
    /// adjustment. It also holds for a payload that is sent, together with the part of the head
    /// that stays in front of it.
    pub fn max_frame_length(&mut self, max: usize) -> &mut Self {
        self.max_frame_len = max;
        self
    }

    /// The length is written as an integer of type `T`. The default is `u32`.
    pub fn length_field_type<T: LengthFieldType>(&mut self) -> &mut Self {
        self.length_field_length(size_of::<T>())
    }

    /// The length is written in `len` bytes. The default is 4.
    ///
    /// # Panics
    /// If `len` is 0 or more than 8.
    pub fn length_field_length(&mut self, len: usize) -> &mut Self {
        assert!(
            (1..=FIELD_LEN_MAX).contains(&len),
            "a length field of {len} bytes, not of 1 to {FIELD_LEN_MAX}"
        );
        self.field_len = len as u8;
        self
    }

    /// How many bytes come before the length. The encoder writes zeros there. The default is 0.
    pub fn length_field_offset(&mut self, offset: usize) -> &mut Self {
        self.field_offset = narrow(offset);
        self
    }

    /// How much longer the payload is than the length field says. It is negative if the length
    /// counts the head too. The default is 0.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool, codec::{Decoder, LengthDelimitedCodec}};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut received = ChainMut::new(&pool);
    /// received.push("\0\x07hello"); // seven bytes: the length itself, and the payload
    /// let mut codec = LengthDelimitedCodec::builder()
    ///     .length_field_type::<u16>()
    ///     .length_adjustment(-2)
    ///     .new_codec();
    /// assert_eq!(codec.decode(&mut received)?.expect("a frame"), *b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn length_adjustment(&mut self, adjustment: isize) -> &mut Self {
        self.adjustment = adjustment;
        self
    }

    /// How many bytes are dropped before the payload. The default is all bytes up to the end of the
    /// length field.
    ///
    /// With 0 the head stays in front of the payload, and the adjusted length counts it. If bytes
    /// behind the length are dropped, the encoder writes zeros for them.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool, codec::{Decoder, LengthDelimitedCodec}};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut received = ChainMut::new(&pool);
    /// received.push("\0\x05hello");
    /// let mut codec = LengthDelimitedCodec::builder()
    ///     .length_field_type::<u16>()
    ///     .length_adjustment(2)
    ///     .num_skip(0)
    ///     .new_codec();
    /// let frame = codec.decode(&mut received)?.expect("a frame");
    /// assert_eq!(frame, *b"\0\x05hello"); // with its head
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn num_skip(&mut self, count: usize) -> &mut Self {
        self.skip = Some(narrow(count));
        self
    }

    pub(super) fn max_frame_len(&self) -> usize {
        self.max_frame_len
    }

    /// The settings with a limit that the length field can express.
    pub(super) fn clipped(mut self) -> Self {
        let most = self.field_value_max().saturating_add_signed(self.adjustment as i64);
        self.max_frame_len = self.max_frame_len.min(usize::try_from(most).unwrap_or(usize::MAX));
        self
    }

    /// How many bytes must have arrived before the length is read and the head dropped.
    pub(super) fn head_len(&self) -> usize {
        self.field_end().max(self.skip_len())
    }

    /// How many bytes are dropped before the payload.
    pub(super) fn skip_len(&self) -> usize {
        self.skip.map_or_else(|| self.field_end(), |skip| skip as usize)
    }

    /// The length of the frame, as the head at the front of `src` says.
    pub(super) fn frame_len(&self, src: &ChainMut) -> io::Result<usize> {
        let announced = self.peek_field(src);
        let len = i128::from(announced) + self.adjustment as i128;
        if len < self.kept_len() as i128 {
            // FORWARD
            return Err(LengthDelimitedCodecError::not_adjustable(announced, self.adjustment));
        }
        if len > self.max_frame_len as i128 {
            let len = u64::try_from(len).unwrap_or(u64::MAX);
            return Err(LengthDelimitedCodecError::announced(len, self.max_frame_len)); // FRAME-MAX
        }
        Ok(usize::try_from(len).expect("the limit is one"))
    }

    /// The head of a payload, as it is written.
    pub(super) fn head(&self, payload_len: usize) -> io::Result<Head> {
        let len = payload_len.saturating_add(self.kept_len());
        if len > self.max_frame_len {
            return Err(LengthDelimitedCodecError::submitted(len, self.max_frame_len)); // FRAME-MAX
        }
        if self.head_len() > HEAD_LEN_MAX {
            return Err(LengthDelimitedCodecError::submitted(self.head_len(), HEAD_LEN_MAX));
        }
        let value = u64::try_from(len as i128 - self.adjustment as i128)
            .ok()
            .filter(|&value| value <= self.field_value_max())
            .ok_or_else(|| {
                LengthDelimitedCodecError::not_adjustable(len as u64, self.adjustment)
            })?;
        let (bytes, begin) = match self.order {
            Order::Big => (value.to_be_bytes(), FIELD_LEN_MAX - self.field_len()),
            Order::Little => (value.to_le_bytes(), 0),
        };
        Ok(Head {
            before: self.field_offset as usize,
            bytes,
            field: begin..begin + self.field_len(),
            after: self.head_len() - self.field_end(),
        })
    }

    fn peek_field(&self, src: &ChainMut) -> u64 {
        let (at, mut bytes) = (self.field_offset as usize, [0; FIELD_LEN_MAX]);
        match self.order {
            Order::Big => {
                src.peek_slice(at, &mut bytes[FIELD_LEN_MAX - self.field_len()..]);
                u64::from_be_bytes(bytes)
            }
            Order::Little => {
                src.peek_slice(at, &mut bytes[..self.field_len()]);
                u64::from_le_bytes(bytes)
            }
        }
    }

    /// How many bytes of the head stay in front of the payload.
    fn kept_len(&self) -> usize {
        self.field_end().saturating_sub(self.skip_len())
    }

    fn field_len(&self) -> usize {
        usize::from(self.field_len)
    }

    fn field_end(&self) -> usize {
        (self.field_offset as usize).saturating_add(self.field_len())
    }

    fn field_value_max(&self) -> u64 {
        u64::MAX >> (8 * (FIELD_LEN_MAX - self.field_len()))
    }
}

/// A head as it is written: a length between zeros. Most heads have no zeros.
pub(super) struct Head {
    before: usize,
    bytes: [u8; FIELD_LEN_MAX],
    field: Range<usize>,
    after: usize,
}

impl Head {
    pub(super) fn len(&self) -> usize {
        self.before + self.field.len() + self.after
    }

    /// Adds the head. It is written if there is room or a lease succeeds, else it is linked.
    pub(super) fn push_to(&self, dst: &mut ChainMut) {
        match dst.try_reserve_untold(self.len()) {
            Ok(()) => self.put_to(dst),
            Err(_) => {
                dst.push(Bytes::from_static(&ZEROS[..self.before]));
                dst.push(Bytes::copy_from_slice(&self.bytes[self.field.clone()]));
                dst.push(Bytes::from_static(&ZEROS[..self.after]));
            }
        }
    }

    /// Writes the head into room that is there.
    pub(super) fn put_to(&self, dst: &mut ChainMut) {
        dst.put_slice(&ZEROS[..self.before]);
        dst.put_slice(&self.bytes[self.field.clone()]);
        dst.put_slice(&ZEROS[..self.after]);
    }
}

/// A distance in a head. No real head is as long as 4 GiB.
fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_lowered_to_what_the_field_can_express() {
        let limit = |len: usize, adjustment: isize| {
            Builder::new()
                .max_frame_length(usize::MAX)
                .length_field_length(len)
                .length_adjustment(adjustment)
                .new_codec()
                .max_frame_length()
        };
        assert_eq!(limit(1, 0), 255);
        assert_eq!(limit(1, -10), 245);
        assert_eq!(limit(1, 10), 265);
        assert_eq!(limit(1, -300), 0);
        assert_eq!(limit(3, 0), 0xff_ffff);
        assert_eq!(limit(8, isize::MAX), usize::MAX);
    }

    #[test]
    #[should_panic = "a length field of 9 bytes"]
    fn a_field_of_nine_bytes_is_refused() {
        Builder::new().length_field_length(9);
    }

    #[test]
    #[should_panic = "a length field of 0 bytes"]
    fn a_field_of_no_bytes_is_refused() {
        Builder::new().length_field_length(0);
    }
}
