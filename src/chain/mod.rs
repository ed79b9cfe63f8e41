//! The chain: blocks of any sizes, read and written as one.
//!
//! [`Chain`] and [`ChainMut`] are to a chain of blocks what `Bytes` and `BytesMut` are to one
//! buffer, with the same verbs.
//!
//! # Invariants
//! - LEN: `len` of a chain is the sum of its segments' lengths, and at most `isize::MAX`: one piece
//!   can be linked often.
//! - FULL-VECTOR: `chunks_vectored` lists segments until `dst` or the data ends. hyper's queue of
//!   bodies relies on it: a partial list scrambles what is sent.
//! - EARLY-RETURN: `advance` drops each segment with its last byte.

mod async_read;
mod buf;
#[allow(unsafe_code)]
mod chain_mut;
mod charge;
mod compact;
mod compare;
mod copy;
mod frame;
mod lease;
mod rest;
mod room;
mod segment;

pub use self::{
    chain_mut::ChainMut,
    lease::ChainLeaseFuture,
    segment::{IntoIter, Iter, Segment},
};

use std::ops::RangeBounds;

use bytes::Bytes;

use self::segment::Segments;
use crate::pool::{Block, BlockMut, resolve};

/// Immutable bytes in several pieces: leased [`Block`]s and linked [`Bytes`], read as one.
///
/// Made by [`ChainMut::freeze`] or of pieces. Appending and splitting move handles, never bytes; a
/// clone shares them. As a [`Buf`](bytes::Buf) it lists all its pieces for vectored writes, and
/// each block goes home with its last byte.
///
/// Not to be confused with [`bytes::buf::Chain`], the result of `Buf::chain`, which joins two
/// buffers of any type.
///
/// # Shape
/// `len` is bytes, [`segment_count`](Self::segment_count) is pieces. A chain of one piece allocates
/// nothing.
///
/// # Generic code
/// [`take`](Self::take) here returns a `Chain`. Code that is generic over `Buf` may still wrap a
/// chain in a [`bytes::buf::Take`], which lists at most 16 pieces. Behind hyper that is safe for a
/// body of known length in one frame; in a chunked body, or with another frame queued behind it, a
/// wrapped chain of more than 16 pieces is sent scrambled.
///
/// # Examples
/// ```
/// use bytes::{Buf, Bytes};
/// use leasehold::Pool;
/// use std::io::Write;
///
/// let pool = Pool::new(8 << 20)?;
/// let mut message = pool.try_chain(100)?;
/// message.write_all(b"length: 12\n\n")?;
/// let mut message = message.freeze();
/// message.push(Bytes::from_static(b"linked, as is"));
/// assert_eq!(message.len(), 25);
/// assert_eq!(message.segment_count(), 2);
/// message.advance(12);
/// assert_eq!(pool.leased(), 0);
/// assert_eq!(message, *b"linked, as is");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "rope")]
pub struct Chain {
    segments: Segments,
    len: usize,
}

/// A length with so much more (LEN).
#[inline]
fn grown(len: usize, by: usize) -> usize {
    let sum = len.checked_add(by).filter(|&sum| sum <= isize::MAX as usize);
    sum.unwrap_or_else(|| {
        panic!("a chain of {len} bytes cannot have {by} more: {} are the most", isize::MAX)
    })
}

impl Chain {
    /// A chain of nothing; allocates nothing.
    pub const fn new() -> Self {
        Self { segments: Segments::new(), len: 0 }
    }

    /// Adds a piece at the end, linked as it is. An empty piece is dropped.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    pub fn push(&mut self, segment: impl Into<Segment>) {
        let segment = segment.into();
        self.len = grown(self.len, segment.len());
        self.segments.push_back(segment);
    }

    /// Adds a piece in front, linked as it is: a header before its payload. An empty piece is
    /// dropped.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    pub fn push_front(&mut self, segment: impl Into<Segment>) {
        let segment = segment.into();
        self.len = grown(self.len, segment.len());
        self.segments.push_front(segment);
    }

    /// Adds all pieces of another chain at the end. Moves handles, not bytes.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    pub fn append(&mut self, other: Chain) {
        self.len = grown(self.len, other.len);
        self.segments.append(other.segments);
    }

    /// Splits off the first `at` bytes: they are returned, this chain keeps the rest.
    ///
    /// Costs the count of pieces before `at`; a piece that is cut is shared by both.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    pub fn split_to(&mut self, at: usize) -> Chain {
        let tail = self.split_off(at);
        std::mem::replace(self, tail)
    }

    /// Splits off what follows the first `at` bytes: it is returned, this chain keeps the first.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    pub fn split_off(&mut self, at: usize) -> Chain {
        assert!(at <= self.len, "a split at {at} of {} bytes", self.len);
        let (count, within) = self.place_of(at);
        let tail = Chain { segments: self.segments.split_off(count, within), len: self.len - at };
        self.len = at;
        tail
    }

    /// Keeps at most the first `len` bytes.
    ///
    /// Takes precedence over [`Buf::take`](bytes::Buf::take), whose wrapper would list only 16
    /// pieces for a vectored write.
    #[must_use]
    pub fn take(mut self, len: usize) -> Chain {
        self.truncate(len);
        self
    }

    /// A chain of the bytes in `range`, shared with this one. Costs one handle a piece.
    ///
    /// # Panics
    /// If the range ends before it begins, or after this chain.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Chain {
        let (begin, end) = resolve(&range, self.len);
        let mut slice = Chain::new();
        let mut at = 0;
        for segment in self.segments.iter() {
            let segment_end = at + segment.len();
            if segment_end > begin && at < end {
                slice.push(segment.slice(begin.max(at) - at, end.min(segment_end) - at));
            }
            at = segment_end;
        }
        slice
    }

    /// Keeps only the first `len` bytes. Does nothing if there are not so many.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            drop(self.split_off(len));
        }
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Bytes in all pieces.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many pieces there are.
    pub fn segment_count(&self) -> usize {
        self.segments.count()
    }

    /// The pieces, in order; none is empty.
    pub fn segments(&self) -> Iter<'_> {
        self.segments.iter()
    }

    /// Takes the first piece off the chain.
    pub fn pop_front(&mut self) -> Option<Segment> {
        let segment = self.segments.pop_front();
        self.len -= segment.len();
        (!segment.is_empty()).then_some(segment)
    }

    /// Copies all bytes into one vector.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len);
        self.segments().for_each(|segment| bytes.extend_from_slice(segment.as_ref()));
        bytes
    }

    /// How many whole pieces lie before byte `at`, and how many bytes of the next one.
    fn place_of(&self, at: usize) -> (usize, usize) {
        let mut within = at;
        for (count, segment) in self.segments.iter().enumerate() {
            if within < segment.len() {
                return (count, within);
            }
            within -= segment.len();
        }
        (self.segments.count(), 0)
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl IntoIterator for Chain {
    type Item = Segment;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        self.segments.into_iter()
    }
}

impl<'a> IntoIterator for &'a Chain {
    type Item = &'a Segment;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.segments()
    }
}

impl<S: Into<Segment>> FromIterator<S> for Chain {
    fn from_iter<I: IntoIterator<Item = S>>(segments: I) -> Self {
        let mut chain = Self::new();
        chain.extend(segments);
        chain
    }
}

impl<S: Into<Segment>> Extend<S> for Chain {
    fn extend<I: IntoIterator<Item = S>>(&mut self, segments: I) {
        segments.into_iter().for_each(|segment| self.push(segment));
    }
}

impl From<Segment> for Chain {
    #[inline]
    fn from(segment: Segment) -> Self {
        Self { len: segment.len(), segments: Segments::of(segment) }
    }
}

impl From<Block> for Chain {
    fn from(block: Block) -> Self {
        Self::from(Segment::from(block))
    }
}

impl From<BlockMut> for Chain {
    #[inline]
    fn from(block: BlockMut) -> Self {
        Self::from(Segment::from(block))
    }
}

impl From<Bytes> for Chain {
    fn from(bytes: Bytes) -> Self {
        Self::from(Segment::from(bytes))
    }
}

impl From<Vec<u8>> for Chain {
    /// The bytes stay on the heap; no account is charged.
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<String> for Chain {
    /// The text stays on the heap; no account is charged.
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<&'static str> for Chain {
    fn from(text: &'static str) -> Self {
        Self::from(Segment::from(text))
    }
}
