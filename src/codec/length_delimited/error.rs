//! `LengthDelimitedCodecError`: a length that is refused.

use std::{fmt, io};

/// The error for a frame that is too large, or for a length that cannot be adjusted.
///
/// [`LengthDelimitedCodec`](super::LengthDelimitedCodec) returns it inside an [`io::Error`]. The
/// kind is `InvalidData` if a peer announced too much, and `InvalidInput` otherwise.
///
/// # Examples
/// ```
/// use leasehold::{
///     ChainMut, Pool,
///     codec::{Decoder, LengthDelimitedCodec, LengthDelimitedCodecError},
/// };
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = LengthDelimitedCodec::builder().max_frame_length(1_000).new_codec();
/// let mut received = ChainMut::new(&pool);
/// received.push(&b"\x00\x00\x04\x00"[..]);
/// let error = codec.decode(&mut received).expect_err("1,024 is over 1,000");
/// let reason = error.get_ref().and_then(|reason| reason.downcast_ref());
/// assert!(reason.is_some_and(LengthDelimitedCodecError::is_too_large));
/// # Ok::<(), leasehold::BuildError>(())
/// ```
#[derive(Debug)]
pub struct LengthDelimitedCodecError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    TooLarge { len: u64, max: usize },
    NotAdjustable { len: u64, adjustment: isize },
}

impl LengthDelimitedCodecError {
    /// A peer announces more than it may send.
    pub(super) fn announced(len: u64, max: usize) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self { kind: Kind::TooLarge { len, max } })
    }

    /// A payload is longer than it may be.
    pub(super) fn submitted(len: usize, max: usize) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            Self { kind: Kind::TooLarge { len: len as u64, max } },
        )
    }

    /// The adjusted length is not a valid length.
    pub(super) fn not_adjustable(len: u64, adjustment: isize) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            Self { kind: Kind::NotAdjustable { len, adjustment } },
        )
    }

    /// The frame is longer than `max_frame_length` allows.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge { .. })
    }

    /// With `length_adjustment` the length is below zero, below the part of the head that is kept,
    /// or too large for its field.
    pub fn is_not_adjustable(&self) -> bool {
        matches!(self.kind, Kind::NotAdjustable { .. })
    }
}

impl fmt::Display for LengthDelimitedCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::TooLarge { len, max } => {
                write!(f, "a frame of {len} bytes is over the limit of {max}")
            }
            Kind::NotAdjustable { len, adjustment } => {
                write!(f, "a length of {len} bytes leaves its range when adjusted by {adjustment}")
            }
        }
    }
}

impl std::error::Error for LengthDelimitedCodecError {}
