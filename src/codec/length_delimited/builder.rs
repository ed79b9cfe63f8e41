//! `Builder`: what the head of a frame looks like.

use std::{io, ops::Deref};

use bytes::{BufMut, Bytes};

use super::{LengthDelimitedCodec, LengthDelimitedCodecError, LengthFieldType};
use crate::{
    chain::ChainMut,
    codec::{Framed, FramedRead, FramedWrite},
    pool::Pool,
};

/// The longest frame unless told otherwise: what tokio-util allows.
const MAX_FRAME_LEN_DEFAULT: usize = 8 << 20;

/// The widest length field: a `u64`.
const FIELD_LEN_MAX: usize = 8;

/// Settings of a [`LengthDelimitedCodec`]: where the length stands, how it is written, what it counts.
///
/// # Shape
/// All lengths are bytes; an offset or a skip above 4 GiB counts as 4 GiB. The [picture](super#shape) shows what they measure. A `max_frame_length` that the length field cannot express is
/// lowered to what it can.
///
/// # Examples
/// ```
/// use leasehold::codec::LengthDelimitedCodec;
///
/// let codec = LengthDelimitedCodec::builder().length_field_type::<u16>().little_endian().new_codec();
/// assert_eq!(codec.max_frame_length(), 65_535);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `new_codec`"]
pub struct Builder {
    max_frame_len: usize,
    adjustment: isize,
    // Narrow, for a codec is part of every idle connection.
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
    /// The defaults: a length of four bytes, big endian, in front of at most 8 MiB.
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

    /// The length's most significant byte comes first; the default.
    pub fn big_endian(&mut self) -> &mut Self {
        self.order = Order::Big;
        self
    }

    /// The length's least significant byte comes first.
    pub fn little_endian(&mut self) -> &mut Self {
        self.order = Order::Little;
        self
    }

    /// The length's bytes come in the order of this machine.
    pub fn native_endian(&mut self) -> &mut Self {
        if cfg!(target_endian = "big") { self.big_endian() } else { self.little_endian() }
    }

    /// The longest frame; 8 MiB by default.
    ///
    /// It is compared with what the length field says, before any adjustment, and with the length of a payload that is to be sent.
    pub fn max_frame_length(&mut self, max: usize) -> &mut Self {
        self.max_frame_len = max;
        self
    }

    /// The length is written as an integer of type `T`; `u32` by default.
    pub fn length_field_type<T: LengthFieldType>(&mut self) -> &mut Self {
        self.length_field_length(size_of::<T>())
    }

    /// The length is written in `len` bytes; 4 by default.
    ///
    /// # Panics
    /// If `len` is 0 or more than 8.
    pub fn length_field_length(&mut self, len: usize) -> &mut Self {
        assert!((1..=FIELD_LEN_MAX).contains(&len), "a length field of {len} bytes, not of 1 to {FIELD_LEN_MAX}");
        self.field_len = len as u8;
        self
    }

    /// How many bytes come before the length; 0 by default. For decoding only.
    pub fn length_field_offset(&mut self, offset: usize) -> &mut Self {
        self.field_offset = narrow(offset);
        self
    }

    /// How much longer the payload is than the length field says, less than zero if the length counts the head too; 0 by default.
    pub fn length_adjustment(&mut self, adjustment: isize) -> &mut Self {
        self.adjustment = adjustment;
        self
    }

    /// How many bytes are dropped before the payload; by default all up to the end of the length field. For decoding only.
    ///
    /// 0 leaves the head in front of the payload; `length_adjustment` must then count it.
    pub fn num_skip(&mut self, count: usize) -> &mut Self {
        self.skip = Some(narrow(count));
        self
    }

    /// A codec with these settings.
    pub fn new_codec(&self) -> LengthDelimitedCodec {
        LengthDelimitedCodec::with(*self)
    }

    /// Frames of a transport, with a codec of these settings.
    pub fn new_framed<T>(&self, io: T, pool: &Pool) -> Framed<T, LengthDelimitedCodec> {
        Framed::new(io, self.new_codec(), pool)
    }

    /// Frames of a reader, with a codec of these settings.
    pub fn new_read<T>(&self, io: T, pool: &Pool) -> FramedRead<T, LengthDelimitedCodec> {
        FramedRead::new(io, self.new_codec(), pool)
    }

    /// Frames into a writer, with a codec of these settings.
    pub fn new_write<T>(&self, io: T, pool: &Pool) -> FramedWrite<T, LengthDelimitedCodec> {
        FramedWrite::new(io, self.new_codec(), pool)
    }

    pub(super) fn max_frame_len(&self) -> usize {
        self.max_frame_len
    }

    /// These settings with a limit that the length field can express.
    pub(super) fn clipped(mut self) -> Self {
        let most = self.field_value_max().saturating_add_signed(self.adjustment as i64);
        self.max_frame_len = self.max_frame_len.min(usize::try_from(most).unwrap_or(usize::MAX));
        self
    }

    /// How many bytes must be there before the length is read and the head dropped.
    pub(super) fn head_len(&self) -> usize {
        self.field_end().max(self.skip_len())
    }

    /// How many bytes are dropped before the payload.
    pub(super) fn skip_len(&self) -> usize {
        self.skip.map_or_else(|| self.field_end(), |skip| skip as usize)
    }

    /// The length of the payload, by the head that `src` begins with.
    pub(super) fn payload_len(&self, src: &ChainMut) -> io::Result<usize> {
        let announced = self.peek_field(src);
        if announced > self.max_frame_len as u64 {
            return Err(LengthDelimitedCodecError::announced(announced, self.max_frame_len));
        }
        usize::try_from(i128::from(announced) + self.adjustment as i128)
            .map_err(|_| LengthDelimitedCodecError::not_adjustable(announced, self.adjustment))
    }

    /// The length of a payload as it is written.
    pub(super) fn head(&self, payload_len: usize) -> io::Result<Head> {
        if payload_len > self.max_frame_len {
            return Err(LengthDelimitedCodecError::submitted(payload_len, self.max_frame_len));
        }
        let value = u64::try_from(payload_len as i128 - self.adjustment as i128)
            .ok()
            .filter(|&value| value <= self.field_value_max())
            .ok_or_else(|| LengthDelimitedCodecError::not_adjustable(payload_len as u64, self.adjustment))?;
        Ok(match self.order {
            Order::Big => {
                Head { bytes: value.to_be_bytes(), begin: FIELD_LEN_MAX - self.field_len(), end: FIELD_LEN_MAX }
            }
            Order::Little => Head { bytes: value.to_le_bytes(), begin: 0, end: self.field_len() },
        })
    }

    /// Adds the length of a payload: written if there is room or some can be leased, else linked. Changes nothing if it fails.
    pub(super) fn push_head(&self, payload_len: usize, dst: &mut ChainMut) -> io::Result<()> {
        let head = self.head(payload_len)?;
        match dst.try_reserve_untold(head.len()) {
            Ok(()) => dst.put_slice(&head),
            Err(_) => dst.push(Bytes::copy_from_slice(&head)),
        }
        Ok(())
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

/// A length as it is written.
pub(super) struct Head {
    bytes: [u8; FIELD_LEN_MAX],
    begin: usize,
    end: usize,
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }
}

/// Distances in a head; nobody sends one of 4 GiB.
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
