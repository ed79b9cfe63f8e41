//! `Segment`: one piece of a chain; `Segments`: a queue of them.

use std::{
    collections::{VecDeque, vec_deque},
    io::IoSlice,
};

use bytes::{Buf, Bytes};

use crate::pool::{Block, BlockMut};

/// A piece of a [`Chain`](super::Chain): a range of a leased block, or foreign bytes that are
/// linked, not copied.
///
/// # Examples
/// ```
/// use leasehold::{Chain, Segment};
///
/// let chain: Chain = ["one", "two"].into_iter().collect();
/// let lengths: Vec<_> = chain.segments().map(Segment::len).collect();
/// assert_eq!(lengths, [3, 3]);
/// assert_eq!(chain.segments().next().map(Segment::block_capacity), Some(0)); // foreign bytes
/// ```
#[derive(Clone, Debug)]
pub enum Segment {
    /// Bytes of a leased block.
    Block(Block),
    /// Foreign bytes. They are charged to no account.
    Bytes(Bytes),
}

impl Segment {
    /// The number of bytes in this piece.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Block(block) => block.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the piece has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of bytes that an account is charged for the block of this piece. It is 0 for
    /// foreign bytes.
    pub fn block_capacity(&self) -> usize {
        match self {
            Self::Block(block) => block.block_capacity(),
            Self::Bytes(_) => 0,
        }
    }

    /// Turns the piece into [`Bytes`] without copying. A block costs one small allocation.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Block(block) => block.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Splits off the first `at` bytes. The piece has at least `at`.
    #[inline]
    pub(super) fn split_to(&mut self, at: usize) -> Segment {
        match self {
            Self::Block(block) => Self::Block(block.split_to(at)),
            Self::Bytes(bytes) => Self::Bytes(bytes.split_to(at)),
        }
    }

    /// Splits off the bytes behind the first `at`.
    pub(super) fn split_off(&mut self, at: usize) -> Segment {
        match self {
            Self::Block(block) => Self::Block(block.split_off(at)),
            Self::Bytes(bytes) => Self::Bytes(bytes.split_off(at)),
        }
    }

    /// A handle on a part of this piece.
    pub(super) fn slice(&self, begin: usize, end: usize) -> Segment {
        match self {
            Self::Block(block) => Self::Block(block.slice(begin..end)),
            Self::Bytes(bytes) => Self::Bytes(bytes.slice(begin..end)),
        }
    }

    /// Drops `count` bytes of the front. The piece has more than `count`.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        match self {
            Self::Block(block) => block.advance(count),
            Self::Bytes(bytes) => bytes.advance(count),
        }
    }
}

impl AsRef<[u8]> for Segment {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Block(block) => block,
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<Block> for Segment {
    fn from(block: Block) -> Self {
        Self::Block(block)
    }
}

impl From<BlockMut> for Segment {
    #[inline]
    fn from(block: BlockMut) -> Self {
        Self::Block(block.freeze())
    }
}

impl From<Bytes> for Segment {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&'static [u8]> for Segment {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<&'static str> for Segment {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

/// Segments in order. The first one is kept inline, so that a chain of one segment allocates
/// nothing.
///
/// # Invariants
/// - HEAD-FIRST: `head` is empty only if `rest` is; no segment in `rest` is empty.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    head: Segment,
    #[expect(
        clippy::box_collection,
        reason = "a chain of one, the common frame, is a third smaller to move"
    )]
    rest: Option<Box<VecDeque<Segment>>>,
}

const NOTHING: Segment = Segment::Block(Block::empty());

impl Segments {
    pub(super) const fn new() -> Self {
        Self { head: NOTHING, rest: None }
    }

    #[inline]
    pub(super) fn of(segment: Segment) -> Self {
        // An empty segment may still hold the block that it was cut from.
        let head = if segment.is_empty() { NOTHING } else { segment };
        Self { head, rest: None }
    }

    pub(super) fn count(&self) -> usize {
        usize::from(!self.head.is_empty()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    #[inline]
    pub(super) fn front(&self) -> &Segment {
        &self.head
    }

    #[inline]
    pub(super) fn front_mut(&mut self) -> &mut Segment {
        &mut self.head
    }

    #[inline]
    pub(super) fn push_back(&mut self, segment: Segment) {
        if segment.is_empty() {
            return;
        }
        if self.head.is_empty() {
            self.head = segment;
        } else {
            self.rest_mut().push_back(segment);
        }
    }

    pub(super) fn push_front(&mut self, segment: Segment) {
        if segment.is_empty() {
            return;
        }
        let second = std::mem::replace(&mut self.head, segment);
        if !second.is_empty() {
            self.rest_mut().push_front(second);
        }
    }

    /// Takes the first segment. It is empty if there is none.
    #[inline]
    pub(super) fn pop_front(&mut self) -> Segment {
        let next = self.rest.as_mut().and_then(|rest| rest.pop_front()).unwrap_or(NOTHING);
        std::mem::replace(&mut self.head, next)
    }

    pub(super) fn append(&mut self, mut other: Segments) {
        self.push_back(other.pop_front());
        if !other.head.is_empty() {
            self.push_back(other.head);
            if let Some(rest) = &mut other.rest {
                self.rest_mut().append(rest);
            }
        }
    }

    /// Splits off all bytes behind the first `count` segments and the first `within` bytes of the
    /// next one.
    pub(super) fn split_off(&mut self, count: usize, within: usize) -> Segments {
        let mut tail = match count.checked_sub(1) {
            None => Segments { head: self.head.split_off(within), rest: self.rest.take() },
            Some(before) => {
                let Some(rest) = &mut self.rest else { return Self::new() };
                let mut tail = rest.split_off(before);
                let mut head = tail.pop_front().unwrap_or(NOTHING);
                if within > 0 {
                    rest.push_back(head.split_to(within));
                }
                Segments { head, rest: (!tail.is_empty()).then(|| Box::new(tail)) }
            }
        };
        if tail.head.is_empty() {
            tail.pop_front();
        }
        tail
    }

    /// Lists the segments behind the first one, as many as fit into `dst`.
    #[inline]
    pub(super) fn others_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let Some(rest) = &self.rest else { return 0 };
        dst.iter_mut()
            .zip(rest.iter())
            .map(|(slice, segment)| *slice = IoSlice::new(segment.as_ref()))
            .count()
    }

    fn rest_mut(&mut self) -> &mut VecDeque<Segment> {
        self.rest.get_or_insert_default()
    }

    #[inline]
    pub(super) fn iter(&self) -> Iter<'_> {
        let head = (!self.head.is_empty()).then_some(&self.head);
        let rest = self.rest.as_ref().map_or_else(Default::default, |rest| rest.iter());
        Iter { head, rest }
    }
}

impl IntoIterator for Segments {
    type Item = Segment;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { segments: self }
    }
}

/// The segments of a chain, by reference.
///
/// # Examples
/// ```
/// use leasehold::Chain;
///
/// let chain: Chain = ["one", "two"].into_iter().collect();
/// let mut segments = chain.segments();
/// assert_eq!(segments.len(), 2);
/// assert_eq!(segments.next().map(AsRef::as_ref), Some(&b"one"[..]));
/// ```
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    head: Option<&'a Segment>,
    rest: vec_deque::Iter<'a, Segment>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Segment;

    #[inline]
    fn next(&mut self) -> Option<&'a Segment> {
        self.head.take().or_else(|| self.rest.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = usize::from(self.head.is_some()) + self.rest.len();
        (count, Some(count))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The segments of a chain, by value. Each block goes home when its segment is dropped.
///
/// # Examples
/// ```
/// use leasehold::{Chain, Segment};
///
/// let chain: Chain = ["one", "two"].into_iter().collect();
/// let pieces: Vec<_> = chain.into_iter().map(Segment::into_bytes).collect();
/// assert_eq!(pieces, ["one", "two"]);
/// ```
#[derive(Debug)]
pub struct IntoIter {
    segments: Segments,
}

impl Iterator for IntoIter {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let segment = self.segments.pop_front();
        (!segment.is_empty()).then_some(segment)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.segments.count();
        (count, Some(count))
    }
}

impl ExactSizeIterator for IntoIter {}
