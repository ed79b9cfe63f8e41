//! `Ranges`: what a chain has, being written or not.

use std::{collections::VecDeque, iter, mem};

use super::range::Range;

/// A piece that is shorter is copied into the room, if it fits there.
const MERGE_MAX: usize = 512;

/// Finished ranges, the one that is being written, and those without bytes behind it. A chain that
/// is frozen has finished ones only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    parts: VecDeque<Range>,
    tail: Range,
    spare: VecDeque<Range>,
}

impl Ranges {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Range> {
        self.parts.iter().chain([&self.tail]).chain(&self.spare)
    }

    /// The written ranges, none of them empty.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Range> {
        self.iter().filter(|range| !range.bytes.is_empty())
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().map(|range| range.bytes.len()).sum()
    }

    pub(crate) fn room(&self) -> usize {
        self.iter().map(|range| range.room).sum()
    }

    /// Adds blocks behind the room; one that is written to its end and given up leaves its place to
    /// them.
    pub(crate) fn add_room(&mut self, blocks: impl IntoIterator<Item = Range>) {
        for block in blocks {
            if self.tail.capacity() == 0 {
                self.tail = block;
            } else {
                self.spare.push_back(block);
            }
        }
    }

    /// Writes what there is room for.
    pub(crate) fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.tail.room == 0 {
                let next = self.spare.pop_front().expect("there is room");
                self.parts.push_back(mem::replace(&mut self.tail, next));
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.tail.room));
            self.tail.put(now);
            bytes = later;
        }
    }

    /// Adds a finished range: linked, or copied if it is short and fits.
    pub(crate) fn push(&mut self, range: Range) {
        if range.bytes.len() < MERGE_MAX && range.bytes.len() <= self.room() {
            return self.put(&range.bytes);
        }
        let written = self.tail.split_to(self.tail.bytes.len());
        self.parts.extend([written, range]);
    }

    /// Adds finished ranges to finished ones.
    pub(crate) fn link(&mut self, ranges: impl IntoIterator<Item = Range>) {
        self.parts.extend(ranges);
    }

    pub(crate) fn link_front(&mut self, range: Range) {
        self.parts.push_front(range);
    }

    pub(crate) fn pop_front(&mut self) -> Option<Range> {
        iter::from_fn(|| self.parts.pop_front()).find(|range| !range.bytes.is_empty())
    }

    /// The first `at` bytes; the room stays.
    pub(crate) fn split_to(&mut self, at: usize) -> Ranges {
        let (mut head, mut left) = (Ranges::default(), at);
        while let Some(mut range) = self.parts.pop_front() {
            let cut = left.min(range.bytes.len());
            head.parts.push_back(range.split_to(cut));
            left -= cut;
            if !range.bytes.is_empty() {
                self.parts.push_front(range);
                return head;
            }
        }
        head.parts.push_back(self.tail.split_to(left));
        head
    }

    pub(crate) fn advance(&mut self, count: usize) {
        self.split_to(count);
    }

    /// Keeps at most the first `len` bytes of finished ranges.
    pub(crate) fn truncate(&mut self, len: usize) {
        let len = len.min(self.len());
        *self = self.split_to(len);
    }

    pub(crate) fn slice(&self, begin: usize, end: usize) -> Ranges {
        let (mut slice, mut at) = (Ranges::default(), 0);
        for range in self.pieces() {
            let len = range.bytes.len();
            let within = |place: usize| place.clamp(at, at + len) - at;
            slice.parts.push_back(range.slice(within(begin), within(end)));
            at += len;
        }
        slice
    }

    pub(crate) fn release_room(&mut self) {
        self.spare.clear();
        self.tail.room = 0;
    }

    pub(crate) fn freeze(self) -> Ranges {
        Ranges { parts: self.into_pieces().map(Range::freeze).collect(), ..Ranges::default() }
    }

    /// The written ranges; the room of the last one comes with it.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Range> {
        self.parts.into_iter().chain([self.tail]).filter(|range| !range.bytes.is_empty())
    }
}
