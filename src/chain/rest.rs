//! `Rest`: what of a chain being written is not in its tail.

use std::collections::VecDeque;

use bytes::Buf;

use super::Segment;
use crate::pool::BlockMut;

/// Finished pieces before the tail, empty blocks after it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) parts: VecDeque<Part>,
    pub(super) spare: VecDeque<BlockMut>,
}

/// A finished piece: it has no room behind it any more.
#[derive(Debug)]
pub(super) enum Part {
    Own(BlockMut),
    Linked(Segment),
}

impl Rest {
    /// Takes the first `at` bytes if they lie in one block of ours.
    #[inline]
    pub(super) fn split_block_to(&mut self, at: usize) -> Option<BlockMut> {
        match self.parts.front_mut() {
            Some(Part::Own(block)) if at < block.len() => Some(block.split_to(at)),
            Some(Part::Own(block)) if at == block.len() => {
                let block = std::mem::take(block);
                self.parts.pop_front();
                Some(block)
            }
            _ => None,
        }
    }

    /// Takes the parts of the first `at` bytes, and says how many bytes of the tail are still missing.
    pub(super) fn split_parts_to(&mut self, at: usize) -> (VecDeque<Part>, usize) {
        let mut front = VecDeque::new();
        let mut left = at;
        while let Some(part) = self.parts.front_mut() {
            if left < part.len() {
                if left > 0 {
                    front.push_back(part.split_to(left));
                }
                return (front, 0);
            }
            left -= part.len();
            front.extend(self.parts.pop_front());
        }
        (front, left)
    }

    /// Gives up the parts of the first `count` bytes, and says how many bytes of the tail are still to go.
    pub(super) fn advance_parts(&mut self, count: usize) -> usize {
        let mut left = count;
        while let Some(part) = self.parts.front_mut() {
            if left < part.len() {
                if left > 0 {
                    part.advance(left);
                }
                return 0;
            }
            left -= part.len();
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
