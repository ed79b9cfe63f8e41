//! `Range`: what a handle has of a block, or of foreign memory.

use std::mem;

/// Tells the blocks of a run of the model apart.
pub(crate) type BlockId = usize;

/// Written bytes, and room behind them. Without either it holds nothing, whatever it was cut from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range {
    /// None for foreign bytes.
    block: Option<BlockId>,
    /// Where in the block it begins.
    at: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) room: usize,
}

impl Range {
    /// A whole block, just leased.
    pub(crate) fn fresh(block: BlockId, capacity: usize) -> Self {
        Self { block: Some(block), at: 0, bytes: Vec::new(), room: capacity }
    }

    pub(crate) fn foreign(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// The block that is not home because of this.
    pub(crate) fn held(&self) -> Option<BlockId> {
        self.block.filter(|_| self.capacity() > 0)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len() + self.room
    }

    /// The first `at` written bytes; the room stays.
    pub(crate) fn split_to(&mut self, at: usize) -> Range {
        let rest = self.bytes.split_off(at);
        let head = Self { bytes: mem::replace(&mut self.bytes, rest), room: 0, ..*self };
        self.at += at;
        head
    }

    /// What follows the first `at` bytes, written or not.
    pub(crate) fn split_off(&mut self, at: usize) -> Range {
        let written = at.min(self.bytes.len());
        let tail_room = self.room.min(self.capacity() - at);
        let tail = Self {
            block: self.block,
            at: self.at + at,
            bytes: self.bytes.split_off(written),
            room: tail_room,
        };
        self.room = at - written;
        tail
    }

    pub(crate) fn slice(&self, begin: usize, end: usize) -> Range {
        Self {
            block: self.block,
            at: self.at + begin,
            bytes: self.bytes[begin..end].to_vec(),
            room: 0,
        }
    }

    pub(crate) fn advance(&mut self, count: usize) {
        self.split_to(count);
    }

    /// Forgets bytes; where they were is room again.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.room += self.bytes.len().saturating_sub(len);
        self.bytes.truncate(len);
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.room -= bytes.len();
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the room up.
    pub(crate) fn freeze(mut self) -> Range {
        self.room = 0;
        self
    }

    /// The room up to the end of the block.
    pub(crate) fn room_before(&self, capacity: usize) -> usize {
        capacity - self.at - self.bytes.len()
    }

    /// Takes all over that follows in a block of which nobody else has a part.
    pub(crate) fn thaw(&mut self, capacity: usize) {
        self.room = self.room_before(capacity);
    }

    /// As `thaw`, and all that lies in front: the bytes move there.
    pub(crate) fn take_all(&mut self, capacity: usize) {
        self.at = 0;
        self.thaw(capacity);
    }

    /// Whether `other` can be joined to the end of this.
    pub(crate) fn is_followed_by(&self, other: &Range) -> bool {
        other.capacity() == 0
            || self.capacity() == 0
            || self.block == other.block
                && self.at + self.capacity() == other.at
                && (self.room == 0 || other.bytes.is_empty())
    }

    pub(crate) fn join(&mut self, mut other: Range) {
        if self.capacity() == 0 {
            *self = other;
        } else {
            self.bytes.append(&mut other.bytes);
            self.room += other.room;
        }
    }
}
