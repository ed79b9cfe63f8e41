//! The chain: blocks of any sizes, read and written as one.
//!
//! [`Chain`] and [`ChainMut`] are to a chain of blocks what `Bytes` and `BytesMut` are to one
//! buffer, with the same verbs.
//!
//! # Invariants
//! - LEN: the `len` of a chain is the sum of its segments' lengths, and at most `isize::MAX`. The
//!   sum is checked, because one piece can be linked many times.
//! - FULL-VECTOR: `chunks_vectored` lists segments until `dst` or the data ends. hyper's queue of
//!   bodies relies on it: a partial list scrambles what is sent.
//! - EARLY-RETURN: a block goes home when its last byte is consumed. `advance` drops each segment
//!   with its last byte.

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
/// A chain is made by [`ChainMut::freeze`], or from pieces. Appending and splitting move handles,
/// never bytes. A clone shares the blocks. As a [`Buf`](bytes::Buf) the chain lists all its pieces
/// for vectored writes, and each block goes home with its last byte.
///
/// Not to be confused with [`bytes::buf::Chain`], the result of `Buf::chain`, which joins two
/// buffers of any type.
///
/// # Shape
/// `len` is in bytes, [`segment_count`](Self::segment_count) is in pieces. A chain of one piece
/// allocates nothing.
///
/// # Generic code
/// [`take`](Self::take) returns a `Chain`. Code that is generic over `Buf` may wrap a chain in a
/// [`bytes::buf::Take`] instead, which lists at most 16 pieces. Behind hyper that is safe for a
/// body of known length in one frame. In a chunked body, or with another frame queued behind it,
/// hyper sends a wrapped chain of more than 16 pieces scrambled.
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

/// The length of a chain after `by` bytes are added to `len` (LEN).
#[inline]
fn grown(len: usize, by: usize) -> usize {
    let sum = len.checked_add(by).filter(|&sum| sum <= isize::MAX as usize);
    sum.unwrap_or_else(|| {
        panic!("a chain of {len} bytes cannot have {by} more: {} are the most", isize::MAX)
    })
}

impl Chain {
    /// Makes an empty chain. It allocates nothing.
    pub const fn new() -> Self {
        Self { segments: Segments::new(), len: 0 }
    }

    /// Adds a piece at the end. The piece is linked, not copied. An empty piece is dropped.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    pub fn push(&mut self, segment: impl Into<Segment>) {
        let segment = segment.into();
        self.len = grown(self.len, segment.len());
        self.segments.push_back(segment);
    }

    /// Adds a piece in front: a header before its payload. The piece is linked, not copied. An
    /// empty piece is dropped.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let mut frame = Chain::new();
    /// frame.push("payload");
    /// frame.push_front("length: 7, ");
    /// assert_eq!(frame, *b"length: 7, payload");
    /// ```
    pub fn push_front(&mut self, segment: impl Into<Segment>) {
        let segment = segment.into();
        self.len = grown(self.len, segment.len());
        self.segments.push_front(segment);
    }

    /// Adds all pieces of another chain at the end. Handles are moved, bytes are not copied.
    ///
    /// # Panics
    /// If the chain would be longer than `isize::MAX` bytes.
    pub fn append(&mut self, other: Chain) {
        self.len = grown(self.len, other.len);
        self.segments.append(other.segments);
    }

    /// Splits off and returns the first `at` bytes. This chain keeps the rest.
    ///
    /// The cost grows with the count of pieces before `at`. A piece that is cut is shared by both
    /// chains.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let mut stream: Chain = ["HEAD", "pay", "load"].into_iter().collect();
    /// let head = stream.split_to(4);
    /// assert_eq!(head, *b"HEAD");
    /// assert_eq!(stream, *b"payload");
    /// ```
    pub fn split_to(&mut self, at: usize) -> Chain {
        let tail = self.split_off(at);
        std::mem::replace(self, tail)
    }

    /// Splits off and returns the bytes behind the first `at`. This chain keeps the first `at`.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let mut message: Chain = ["body", "trailer"].into_iter().collect();
    /// let trailer = message.split_off(4);
    /// assert_eq!(message, *b"body");
    /// assert_eq!(trailer, *b"trailer");
    /// ```
    pub fn split_off(&mut self, at: usize) -> Chain {
        assert!(at <= self.len, "a split at {at} of {} bytes", self.len);
        let (count, within) = self.place_of(at);
        let tail = Chain { segments: self.segments.split_off(count, within), len: self.len - at };
        self.len = at;
        tail
    }

    /// Keeps at most the first `len` bytes.
    ///
    /// This method takes precedence over [`Buf::take`](bytes::Buf::take), whose wrapper would list
    /// only 16 pieces for a vectored write.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let message: Chain = ["hello", ", world"].into_iter().collect();
    /// assert_eq!(message.take(5), *b"hello");
    /// ```
    #[must_use]
    pub fn take(mut self, len: usize) -> Chain {
        self.truncate(len);
        self
    }

    /// Returns a chain of the bytes in `range`, which shares its blocks with this one. It costs one
    /// handle for each piece.
    ///
    /// # Panics
    /// If the range ends before it begins, or ends after this chain.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let message: Chain = ["to: ", "ann", "; hi"].into_iter().collect();
    /// assert_eq!(message.slice(4..9), *b"ann; ");
    /// assert_eq!(message.len(), 11);
    /// ```
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

    /// Keeps only the first `len` bytes. It does nothing if the chain has no more than that.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            drop(self.split_off(len));
        }
    }

    /// Drops all bytes.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The number of bytes in all pieces.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the chain has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of pieces.
    pub fn segment_count(&self) -> usize {
        self.segments.count()
    }

    /// The pieces, in order; none is empty.
    pub fn segments(&self) -> Iter<'_> {
        self.segments.iter()
    }

    /// Removes and returns the first piece.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Chain;
    ///
    /// let mut message: Chain = ["one", "two"].into_iter().collect();
    /// assert_eq!(message.pop_front().map(|segment| segment.len()), Some(3));
    /// assert_eq!(message, *b"two");
    /// ```
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

    /// The number of whole pieces before byte `at`, and the number of bytes of the next one before
    /// it.
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
