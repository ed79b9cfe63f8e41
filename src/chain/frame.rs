//! Taking frames off a chain that is still being read into.
//!
//! # Invariants
//! - NO-PIN: a small view does not keep a large block: it is copied into a block of its own size. A
//!   frame that is taken here pins at most 4 KiB or eight times its length, unless memory is short.

use std::ops::RangeBounds;

use bytes::{Buf, BufMut};

use super::{Chain, ChainMut, rest::Part};
use crate::pool::resolve;

/// A block up to this length is small. A view never releases it early.
const SMALL_BLOCK: usize = 4 << 10;

/// A view is copied out of its blocks if it uses less than `1 / SPARSE` of them.
const SPARSE: usize = 8;

impl ChainMut {
    /// The pieces of the written bytes, in order; none is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let parts = self.rest.iter().flat_map(|rest| rest.parts().map(Part::as_slice));
        parts.chain((!self.tail.is_empty()).then_some(&self.tail[..]))
    }

    /// Copies `dst.len()` bytes, beginning at byte `at`, and consumes nothing. It reads a header
    /// that may not be complete yet.
    ///
    /// # Panics
    /// If the chain has fewer bytes.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut received = ChainMut::new(&pool);
    /// received.push("\0");
    /// received.push("\u{5}hello");
    /// let mut length = [0; 2];
    /// received.peek_slice(0, &mut length);
    /// assert_eq!(u16::from_be_bytes(length), 5);
    /// assert_eq!(received.len(), 7);
    /// # Ok::<(), leasehold::BuildError>(())
    /// ```
    pub fn peek_slice(&self, at: usize, dst: &mut [u8]) {
        let end = at.checked_add(dst.len()).expect("a range ends within usize");
        assert!(end <= self.len(), "peek_slice {at}..{end} of {} bytes", self.len());
        if let Some(src) = self.chunk().get(at..end) {
            return dst.copy_from_slice(src);
        }
        let (mut skip, mut dst) = (at, dst);
        for chunk in self.chunks() {
            if dst.is_empty() {
                return;
            }
            let (skipped, chunk) = chunk.split_at(skip.min(chunk.len()));
            skip -= skipped.len();
            let count = chunk.len().min(dst.len());
            dst[..count].copy_from_slice(&chunk[..count]);
            dst = &mut dst[count..];
        }
    }

    /// The first bytes of the chain, at most as many as fit into `room`. They are returned where
    /// they lie if they are one piece, else they are copied into `room`.
    #[inline]
    pub(crate) fn peek_front<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        let (front, len) = (self.chunk(), self.len().min(room.len()));
        if let Some(front) = front.get(..len) {
            return front;
        }
        self.peek_slice(0, &mut room[..len]);
        &room[..len]
    }

    /// Finds a byte in `range` and returns its index in the chain. `find` is called with each piece
    /// of the range in turn, and returns an index in that piece.
    ///
    /// Look for a single byte: a longer pattern could lie across two pieces. The cost is one step
    /// for each piece before the range, and what `find` costs in it.
    ///
    /// # Panics
    /// If the range ends before it begins, or ends after this chain.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut received = ChainMut::new(&pool);
    /// received.push("GET /in");
    /// received.push("dex.html");
    /// let space = |piece: &[u8]| piece.iter().position(|&byte| byte == b' ');
    /// assert_eq!(received.find(.., space), Some(3));
    /// assert_eq!(received.find(4.., space), None);
    /// # Ok::<(), leasehold::BuildError>(())
    /// ```
    pub fn find(
        &self,
        range: impl RangeBounds<usize>,
        mut find: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Option<usize> {
        let (begin, end) = resolve(&range, self.len());
        let mut at = 0;
        for chunk in self.chunks() {
            if at >= end {
                return None;
            }
            let from = begin.saturating_sub(at);
            if let Some(piece) = chunk.get(from..chunk.len().min(end - at))
                && !piece.is_empty()
                && let Some(index) = find(piece)
            {
                return Some(at + from + index);
            }
            at += chunk.len();
        }
        None
    }

    /// Changes the bytes of a range in place, piece by piece. Bytes that were read are not shared
    /// yet.
    ///
    /// # Panics
    /// If the range ends after this chain, or if bytes in it were linked.
    #[inline]
    pub(crate) fn change(&mut self, begin: usize, end: usize, mut change: impl FnMut(&mut [u8])) {
        assert!(begin <= end && end <= self.len(), "change {begin}..{end} of {} bytes", self.len());
        if self.rest.is_none() {
            return change(&mut self.tail[begin..end]);
        }
        let parts = self.rest.iter_mut().flat_map(|rest| rest.parts_mut()).map(|part| match part {
            Part::Own(block) => &mut block[..],
            Part::Linked(segment) if segment.is_empty() => &mut [],
            Part::Linked(_) => panic!("linked bytes are not ours to change"),
        });
        let mut at = 0;
        for piece in parts.chain(std::iter::once(&mut self.tail[..])) {
            let len = piece.len();
            if at >= end {
                return;
            }
            let from = begin.saturating_sub(at).min(len);
            change(&mut piece[from..len.min(end - at)]);
            at += len;
        }
    }

    /// Splits off the first `at` bytes as a frame of their own.
    ///
    /// The frame is linked, not copied, unless a small frame would keep large blocks (NO-PIN): it
    /// uses less than an eighth of blocks that take more than 4 KiB together. Then it is copied
    /// into a block of its size, if one can be leased. If more bytes follow, as many of them as fit
    /// into a block of 4 KiB are copied with it, so that many small frames cost one copy.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut received = pool.try_chain(64 << 10)?;
    /// received.put_bytes(b'.', 40_000);
    /// let frame = received.split_frame(100);
    /// drop(received);
    /// assert_eq!(frame.len(), 100);
    /// assert_eq!(pool.leased(), 4 << 10); // the frame does not keep the block of 64 KiB
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split_frame(&mut self, at: usize) -> Chain {
        assert!(at <= self.len(), "split_frame {at} of {} bytes", self.len());
        if is_sparse(at, self.pinned_by(at)) {
            self.move_front(self.len().min(at.max(SMALL_BLOCK)));
        }
        self.split_to(at).freeze()
    }

    /// As [`split_frame`](Self::split_frame), but also gives the room back if no byte is left. A
    /// chain without bytes then holds nothing.
    #[inline]
    pub(crate) fn take_frame(&mut self, at: usize) -> Chain {
        if self.rest.is_none()
            && at == self.tail.len()
            && !is_sparse(at, self.tail.block_capacity())
        {
            // With its room: otherwise the room would be a second share of the block for a moment.
            return Chain::from(std::mem::take(&mut self.tail));
        }
        let frame = self.split_frame(at);
        if self.is_empty() {
            self.release_room();
        }
        frame
    }

    /// Copies the first `len` bytes out of their blocks into as few others as possible. Does
    /// nothing if memory is short.
    fn move_front(&mut self, len: usize) {
        let Some(Ok(mut copy)) = self.account.as_ref().map(|account| account.try_chain_untold(len))
        else {
            return;
        };
        let mut left = len;
        for chunk in self.chunks() {
            let count = chunk.len().min(left);
            copy.put_slice(&chunk[..count]);
            left -= count;
            if left == 0 {
                break;
            }
        }
        self.advance(len);
        let tail = Part::Own(copy.tail.split());
        let parts = copy.rest.map(|rest| rest.into_parts()).into_iter().flatten();
        self.rest_mut().push_front_parts(parts.chain([tail]));
    }

    /// Copies few bytes out of large blocks before a long wait (NO-PIN). Does nothing if memory is
    /// short.
    pub(crate) fn compact(&mut self) {
        if is_sparse(self.len(), self.pinned())
            && let Some(account) = &self.account
            && let Ok(mut copy) = account.try_chain_untold(self.len())
        {
            self.chunks().for_each(|chunk| copy.put_slice(chunk));
            *self = copy;
        }
    }

    /// The capacity of the blocks that the bytes lie in.
    pub(crate) fn pinned(&self) -> usize {
        self.pinned_by(self.len())
    }

    /// The capacity of the blocks that the first `len` bytes lie in.
    fn pinned_by(&self, len: usize) -> usize {
        let (mut left, mut pinned) = (len, 0);
        for part in self.rest.iter().flat_map(|rest| rest.parts()) {
            if left == 0 {
                return pinned;
            }
            pinned += part.block_capacity();
            left = left.saturating_sub(part.len());
        }
        if left == 0 { pinned } else { pinned + self.tail.block_capacity() }
    }
}

/// Whether a view of `len` bytes should not keep `pinned` bytes of blocks.
fn is_sparse(len: usize, pinned: usize) -> bool {
    len > 0 && pinned > SMALL_BLOCK && len < pinned / SPARSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Pool};

    fn received(account: &Account, len: usize) -> ChainMut {
        let mut chain = account.try_chain(64 << 10).expect("a block");
        (0..len).for_each(|at| chain.put_u8(at as u8));
        chain
    }

    fn expected(at: usize, len: usize) -> Vec<u8> {
        (at..at + len).map(|at| at as u8).collect()
    }

    #[test]
    fn small_frames_leave_a_large_block_together() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut chain = received(&pool, 60_000);
        let frames: Vec<_> = (0..100).map(|_| chain.split_frame(60)).collect();
        assert_eq!(chain.len(), 54_000);
        drop(chain);
        assert_eq!(pool.leased(), 2 * SMALL_BLOCK);
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!(frame, &expected(index * 60, 60)[..]);
        }
        drop(frames);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_sparse_frame_of_several_small_blocks_keeps_its_order() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut chain = received(&pool, 60_000);
        let frame = chain.split_frame(6_000);
        assert_eq!(frame, expected(0, 6_000)[..]);
        assert_eq!(chain.split().freeze(), expected(6_000, 54_000)[..]);
        drop(chain);
        assert!(pool.leased() <= 8 << 10);
        drop(frame);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn without_memory_a_small_frame_stays_where_it_is() {
        let pool = Pool::new(4 << 20).expect("a pool").account("one", 64 << 10);
        let mut chain = received(&pool, 60_000);
        assert_eq!(chain.split_frame(60), expected(0, 60)[..]);
        assert_eq!(chain.len(), 59_940);
        drop(chain);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn the_last_frame_takes_its_block_and_others_share_it() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut chain = received(&pool, 60_000);
        let first = chain.take_frame(20_000);
        let last = chain.take_frame(40_000);
        assert_eq!(chain.remaining_mut(), 0, "the room went with the last one");
        assert_eq!(first, expected(0, 20_000)[..]);
        assert_eq!(last, expected(20_000, 40_000)[..]);
        drop((first, chain));
        assert_eq!(pool.leased(), 64 << 10);
        drop(last);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn an_empty_last_frame_and_a_sparse_one_leave_nothing_large() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut chain = received(&pool, 0);
        assert!(chain.take_frame(0).is_empty());
        assert_eq!((chain.remaining_mut(), pool.leased()), (0, 0));
        let mut chain = received(&pool, 100);
        let frame = chain.take_frame(100);
        assert_eq!(frame, expected(0, 100)[..]);
        assert!(chain.is_empty() && pool.leased() <= SMALL_BLOCK);
        drop(frame);
        assert_eq!(pool.leased(), 0);
    }
}
