//! `Rest`: the part of a `ChainMut` that is not in its tail.
//!
//! # Invariants
//! - COUNTS: `len` is the sum of the parts' lengths, at most `isize::MAX` (LEN). `room` is the sum
//!   of the spare blocks' capacities. No part is empty, and every spare block is.

use std::collections::VecDeque;

use bytes::Buf;

use super::{Segment, grown};
use crate::pool::BlockMut;

/// Finished pieces before the tail, empty blocks after it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    parts: VecDeque<Part>,
    spare: VecDeque<BlockMut>,
    len: usize,
    room: usize,
}

/// A finished piece: it has no room behind it any more.
#[derive(Debug)]
pub(super) enum Part {
    Own(BlockMut),
    Linked(Segment),
}

impl Rest {
    /// The number of bytes in the parts.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of bytes that fit into the spare blocks.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn parts(&self) -> impl ExactSizeIterator<Item = &Part> {
        self.parts.iter()
    }

    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.parts.iter_mut()
    }

    pub(super) fn front(&self) -> Option<&Part> {
        self.parts.front()
    }

    /// Adds a part that is not empty.
    pub(super) fn push_part(&mut self, part: Part) {
        self.len = grown(self.len, part.len());
        self.parts.push_back(part);
    }

    /// Adds parts in front, in their order.
    pub(super) fn push_front_parts(&mut self, parts: impl DoubleEndedIterator<Item = Part>) {
        for part in parts.rev() {
            self.len = grown(self.len, part.len());
            self.parts.push_front(part);
        }
    }

    /// Takes the first `at` bytes if they lie in one block of this chain.
    #[inline]
    pub(super) fn split_block_to(&mut self, at: usize) -> Option<BlockMut> {
        let front = match self.parts.front_mut() {
            Some(Part::Own(block)) if at < block.len() => block.split_to(at),
            Some(Part::Own(block)) if at == block.len() => {
                let block = std::mem::take(block);
                self.parts.pop_front();
                block
            }
            _ => return None,
        };
        self.len -= at;
        Some(front)
    }

    pub(super) fn into_parts(self) -> impl DoubleEndedIterator<Item = Part> {
        self.parts.into_iter()
    }

    pub(super) fn spare(&self) -> impl Iterator<Item = &BlockMut> {
        self.spare.iter()
    }

    pub(super) fn spare_mut(&mut self) -> impl Iterator<Item = &mut BlockMut> {
        self.spare.iter_mut()
    }

    /// Adds a block without bytes.
    pub(super) fn push_spare(&mut self, block: BlockMut) {
        self.room += block.capacity();
        self.spare.push_back(block);
    }

    pub(super) fn pop_spare(&mut self) -> Option<BlockMut> {
        let block = self.spare.pop_front()?;
        self.room -= block.capacity();
        Some(block)
    }

    pub(super) fn clear_spare(&mut self) {
        self.spare.clear();
        self.room = 0;
    }

    /// Takes the parts of the first `at` bytes. Returns them, and the number of bytes that are
    /// still missing and lie in the tail.
    pub(super) fn split_parts_to(&mut self, at: usize) -> (Rest, usize) {
        let (mut front, mut left) = (Rest::default(), at);
        while let Some(part) = self.parts.front_mut() {
            if left < part.len() {
                if left > 0 {
                    self.len -= left;
                    front.push_part(part.split_to(left));
                }
                return (front, 0);
            }
            left -= part.len();
            self.len -= part.len();
            if let Some(part) = self.parts.pop_front() {
                front.push_part(part);
            }
        }
        (front, left)
    }

    /// Drops the parts of the first `count` bytes. Returns the number of bytes that are still to be
    /// dropped from the tail.
    pub(super) fn advance_parts(&mut self, count: usize) -> usize {
        let mut left = count;
        while let Some(part) = self.parts.front_mut() {
            if left < part.len() {
                if left > 0 {
                    self.len -= left;
                    part.advance(left);
                }
                return 0;
            }
            left -= part.len();
            self.len -= part.len();
            drop(self.parts.pop_front());
        }
        left
    }
}

impl Part {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Own(block) => block.len(),
            Self::Linked(segment) => segment.len(),
        }
    }

    pub(super) fn block_capacity(&self) -> usize {
        match self {
            Self::Own(block) => block.block_capacity(),
            Self::Linked(segment) => segment.block_capacity(),
        }
    }

    pub(super) fn split_to(&mut self, at: usize) -> Part {
        match self {
            Self::Own(block) => Self::Own(block.split_to(at)),
            Self::Linked(segment) => Self::Linked(segment.split_to(at)),
        }
    }

    pub(super) fn advance(&mut self, count: usize) {
        match self {
            Self::Own(block) => block.advance(count),
            Self::Linked(segment) => segment.advance(count),
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(block) => block,
            Self::Linked(segment) => segment.as_ref(),
        }
    }
}
