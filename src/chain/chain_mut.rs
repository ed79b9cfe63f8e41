//! `ChainMut`: a chain that is being written.
//!
//! # Invariants
//! - ORDER: the bytes are those of the parts of `rest`, then those of `tail`. The room is that of
//!   `tail`, then that of the spare blocks of `rest`. The chain's length and its room are the sums
//!   of both (LEN).

use std::{fmt, io};

use bytes::{Buf, BufMut, buf::UninitSlice};

use super::{
    Chain, Segment,
    rest::{Part, Rest},
};
use crate::pool::{Account, Block, BlockMut, LeaseError};

/// Pieces shorter than this are copied into the tail, not linked: one more entry in a vectored
/// write costs as much as the copy. The number is Envoy's; we measured a tie at 1 to 2 KiB.
const MERGE_MAX: usize = 512;

/// The bounds of what `io::Write` leases at once. It leases as much as is written already.
const WRITE_LEASE_MIN: usize = 4 << 10;
const WRITE_LEASE_MAX: usize = 64 << 10;

/// Bytes in several blocks that are being written: written or linked pieces in front, leased room
/// behind.
///
/// It is to a chain of blocks what [`bytes::BytesMut`] is to one buffer. As a [`BufMut`] it writes
/// only into room that is already leased, because `BufMut` cannot report failure. Call
/// [`try_reserve`](Self::try_reserve) or [`reserve`](Self::reserve) first; `remaining_mut()` is the
/// room that is left. As [`io::Write`] it leases as it goes, and fails if a lease is refused.
///
/// # Shape
/// `len` and `remaining_mut` are in bytes. Pieces that are pushed are linked without copying,
/// unless they are shorter than 512 bytes and fit into the room.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(8 << 20)?;
/// let mut chain = pool.try_chain(100_000)?;
/// chain.put_bytes(b'x', 100_000);
/// let head = chain.split_to(10).freeze();
/// assert_eq!(head, *b"xxxxxxxxxx");
/// assert_eq!(chain.len(), 99_990);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChainMut {
    pub(super) tail: BlockMut,
    /// Where more room is leased from. A front that was split off has no account.
    pub(super) account: Option<Account>,
    /// What does not fit in one block. It is allocated only when it is needed, so that a frame of
    /// one block stays small.
    pub(super) rest: Option<Box<Rest>>,
}

impl ChainMut {
    /// Makes an empty chain without room, which leases from `account`. Nothing is leased yet.
    pub fn new(account: &Account) -> Self {
        Self { account: Some(account.clone()), ..Self::detached() }
    }

    /// Makes an empty chain that cannot lease.
    #[inline]
    pub(super) fn detached() -> Self {
        Self { tail: BlockMut::empty(), account: None, rest: None }
    }

    /// Makes room for `additional` bytes without waiting.
    ///
    /// # Errors
    /// As [`Account::try_chain`] for the room that is missing. A front that was split off by
    /// [`split_to`](Self::split_to) cannot lease. After an error the chain is as it was.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::{ChainMut, Pool};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = ChainMut::new(&pool);
    /// assert_eq!(chain.remaining_mut(), 0);
    /// chain.try_reserve(5_000)?;
    /// chain.put_bytes(b'x', 5_000); // cannot panic: the room is there
    /// assert_eq!(chain.len(), 5_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), LeaseError> {
        self.try_reserve_untold(additional).map_err(|error| self.told(error))
    }

    /// Counts a refusal that the caller is told of (TOLD).
    #[cold]
    fn told(&self, error: LeaseError) -> LeaseError {
        match &self.account {
            Some(account) => account.told(error),
            None => error,
        }
    }

    /// As [`try_reserve`](Self::try_reserve), but a refusal is not counted: the caller waits, or
    /// goes on without the memory (TOLD).
    pub(crate) fn try_reserve_untold(&mut self, additional: usize) -> Result<(), LeaseError> {
        let room = self.remaining_mut();
        if additional > room {
            let account = self.account.as_ref().ok_or_else(LeaseError::detached)?;
            match account.lease_single(additional - room) {
                Some(block) => self.add_block(block),
                None => {
                    let blocks = account.try_lease_chain_untold(additional - room)?;
                    self.add_room(blocks);
                }
            }
        }
        Ok(())
    }

    /// Makes room for `additional` bytes. Waits for memory if there is none now.
    ///
    /// # Errors
    /// As [`Account::chain`] for the room that is missing. A front that was split off cannot lease.
    /// After an error the chain is as it was.
    ///
    /// # Cancel safety
    /// Cancel safe. If the future is dropped, the chain is as it was.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::{ChainMut, Pool};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = ChainMut::new(&pool);
    /// chain.reserve(100).await?;
    /// chain.put_slice(b"hello");
    /// assert_eq!(chain.freeze(), *b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reserve(&mut self, additional: usize) -> Result<(), LeaseError> {
        let room = self.remaining_mut();
        if additional > room {
            let account = self.account.as_ref().ok_or_else(LeaseError::detached)?;
            let more = account.chain(additional - room).await?;
            self.add_room(more.into_room());
        }
        Ok(())
    }

    /// Gives back the room that is not written yet. A chain without bytes then holds nothing.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.try_chain(100_000)?;
    /// chain.push("short");
    /// chain.release_room();
    /// assert_eq!(pool.leased(), 64 << 10); // only the block that is written to
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn release_room(&mut self) {
        if self.rest.is_some() || self.tail.capacity() > 0 {
            self.release_leased_room();
        }
    }

    fn release_leased_room(&mut self) {
        match &mut self.rest {
            Some(rest) if rest.len() > 0 => rest.clear_spare(),
            _ => self.rest = None,
        }
        if self.tail.is_empty() {
            self.tail = BlockMut::empty();
        } else {
            self.tail.give_up_room();
        }
    }

    /// Adds a piece at the end. A short piece is copied into the room, any other is linked.
    ///
    /// # Panics
    /// If more than `isize::MAX` bytes would be linked.
    ///
    /// # Examples
    /// ```
    /// use bytes::{BufMut, Bytes};
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.try_chain(100)?;
    /// chain.put_slice(b"head, ");
    /// chain.push("short"); // copied into the block
    /// chain.push(Bytes::from(vec![b'x'; 10_000])); // linked
    /// assert_eq!((chain.len(), chain.segment_count()), (10_011, 2));
    /// assert_eq!(pool.leased(), 1 << 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push(&mut self, segment: impl Into<Segment>) {
        let segment = segment.into();
        if segment.len() < MERGE_MAX && segment.len() <= self.remaining_mut() {
            return self.put_slice(segment.as_ref());
        }
        self.close_tail();
        self.rest_mut().push_part(Part::Linked(segment));
    }

    /// Adds all pieces of a chain at the end, each as [`push`](Self::push) does.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn append(&mut self, chain: Chain) {
        chain.into_iter().for_each(|segment| self.push(segment));
    }

    /// Splits off and returns the first `at` bytes. This chain keeps the rest and the room.
    ///
    /// The returned chain is complete: it has no room and cannot lease.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    ///
    /// # Examples
    /// ```
    /// use bytes::{Buf, BufMut};
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.try_chain(1_024)?;
    /// chain.put_slice(b"head: body");
    /// let head = chain.split_to(6).freeze();
    /// chain.put_slice(b", more of it"); // into the same block
    /// assert_eq!(head, *b"head: ");
    /// assert_eq!(chain.chunk(), b"body, more of it");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn split_to(&mut self, at: usize) -> ChainMut {
        assert!(at <= self.len(), "split_to {at} of {} bytes", self.len());
        match &mut self.rest {
            None => Self { tail: self.tail.split_to(at), ..Self::detached() },
            Some(rest) => {
                // One of many frames in one block: it needs no `rest` of its own.
                if let Some(tail) = rest.split_block_to(at) {
                    return Self { tail, ..Self::detached() };
                }
                let (front, left) = rest.split_parts_to(at);
                let tail = self.tail.split_to(left);
                Self { tail, rest: (front.len() > 0).then(|| Box::new(front)), ..Self::detached() }
            }
        }
    }

    /// Splits off and returns all bytes. This chain keeps the room.
    pub fn split(&mut self) -> ChainMut {
        self.split_to(self.len())
    }

    /// Makes the bytes immutable and shareable, without copying. Whole blocks of room that are left
    /// go home.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = pool.try_chain(100_000)?;
    /// chain.put_slice(b"hello");
    /// let chain = chain.freeze();
    /// let clone = chain.clone(); // shares the block
    /// assert_eq!(clone, *b"hello");
    /// assert_eq!(pool.leased(), 64 << 10); // the blocks without bytes are home
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn freeze(self) -> Chain {
        let Some(rest) = self.rest else {
            return Chain::from(self.tail);
        };
        let mut chain = Chain::new();
        for part in rest.into_parts() {
            match part {
                Part::Own(block) => chain.push(block),
                Part::Linked(segment) => chain.push(segment),
            }
        }
        chain.push(self.tail);
        chain
    }

    /// Drops all bytes. The room behind them stays.
    pub fn clear(&mut self) {
        self.advance(self.len());
    }

    /// The number of bytes that are written or linked.
    #[inline]
    pub fn len(&self) -> usize {
        self.tail.len() + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// Whether the chain has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of pieces that the bytes are in.
    pub fn segment_count(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.parts().len()) + usize::from(!self.tail.is_empty())
    }

    /// Makes an empty chain with the room of one block.
    pub(super) fn with_block(account: &Account, block: BlockMut) -> Self {
        Self { tail: block, ..Self::new(account) }
    }

    pub(super) fn with_room(account: &Account, blocks: Vec<BlockMut>) -> Self {
        let mut chain = Self::new(account);
        chain.add_room(blocks);
        chain
    }

    /// Returns the blocks of a chain without bytes.
    pub(super) fn into_room(self) -> Vec<BlockMut> {
        debug_assert!(self.is_empty());
        let mut spare = self.rest;
        let spare = std::iter::from_fn(|| spare.as_mut()?.pop_spare());
        std::iter::once(self.tail).chain(spare).collect()
    }

    pub(super) fn add_room(&mut self, blocks: impl IntoIterator<Item = BlockMut>) {
        blocks.into_iter().for_each(|block| self.add_block(block));
    }

    /// Adds an empty block behind the room.
    #[inline]
    pub(crate) fn add_block(&mut self, block: BlockMut) {
        if self.tail.capacity() == 0 {
            self.tail = block;
        } else {
            self.rest_mut().push_spare(block);
        }
    }

    pub(super) fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// Ends the written part of the tail, so that a piece can follow it. The room of the tail
    /// stays.
    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            let written = self.tail.split();
            self.rest_mut().push_part(Part::Own(written));
        }
    }

    /// Makes the next spare block the tail, if there is one.
    #[cold]
    pub(super) fn next_tail(&mut self) {
        let Some(rest) = &mut self.rest else { return };
        let Some(next) = rest.pop_spare() else { return };
        let full = std::mem::replace(&mut self.tail, next);
        if !full.is_empty() {
            rest.push_part(Part::Own(full));
        }
    }

    /// Writes into more than one block.
    fn put_across(&mut self, src: &[u8]) {
        let room = self.remaining_mut();
        assert!(
            src.len() <= room,
            "{} bytes into {room} bytes of room; call `reserve` or `try_reserve` first",
            src.len()
        );
        let mut left = src;
        while !left.is_empty() {
            if self.tail.remaining_mut() == 0 {
                self.next_tail();
            }
            let count = left.len().min(self.tail.remaining_mut());
            self.tail.put_slice(&left[..count]);
            left = &left[count..];
        }
    }

    /// Leases for a write of `wanted` bytes: a large piece of memory if there is one, else the
    /// smallest block.
    fn lease_for_write(&mut self, wanted: usize) -> Result<(), LeaseError> {
        let generous = self.len().clamp(WRITE_LEASE_MIN, WRITE_LEASE_MAX).max(wanted);
        match self.try_reserve_untold(generous) {
            Err(_) if self.remaining_mut() == 0 => self.try_reserve(1),
            _ => Ok(()),
        }
    }
}

// SAFETY: `chunk_mut` is the front of the room (ORDER), `remaining_mut` is all of it (COUNTS), and
// the tail's own `advance_mut` checks the count of bytes that are said to be written.
unsafe impl BufMut for ChainMut {
    #[inline]
    fn remaining_mut(&self) -> usize {
        self.tail.remaining_mut() + self.rest.as_ref().map_or(0, |rest| rest.room())
    }

    #[inline]
    unsafe fn advance_mut(&mut self, count: usize) {
        // SAFETY: the caller wrote these bytes into `chunk_mut`, which is the tail's.
        unsafe { self.tail.advance_mut(count) };
    }

    #[inline]
    fn chunk_mut(&mut self) -> &mut UninitSlice {
        if self.tail.remaining_mut() == 0 {
            self.next_tail();
        }
        self.tail.chunk_mut()
    }

    /// # Panics
    /// If there is not enough room.
    #[inline]
    fn put_slice(&mut self, src: &[u8]) {
        if src.len() <= self.tail.remaining_mut() {
            self.tail.put_slice(src);
        } else {
            self.put_across(src);
        }
    }
}

impl io::Write for ChainMut {
    /// Writes into the room. Leases more if there is none.
    ///
    /// # Errors
    /// The [`LeaseError`] of [`try_reserve`](Self::try_reserve), as an [`io::Error`] of kind
    /// `OutOfMemory`.
    fn write(&mut self, src: &[u8]) -> io::Result<usize> {
        let room = self.remaining_mut();
        if room < src.len() {
            self.lease_for_write(src.len() - room)?;
        }
        let count = src.len().min(self.remaining_mut());
        self.put_slice(&src[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<BlockMut> for ChainMut {
    /// Makes a chain of one block, with its bytes and its room. The chain cannot lease.
    fn from(block: BlockMut) -> Self {
        Self { tail: block, ..Self::detached() }
    }
}

impl From<Block> for ChainMut {
    /// Makes a chain of one linked block. The chain cannot lease.
    fn from(block: Block) -> Self {
        let mut chain = Self::detached();
        chain.push(block);
        chain
    }
}

impl From<ChainMut> for Chain {
    fn from(chain: ChainMut) -> Self {
        chain.freeze()
    }
}

impl fmt::Debug for ChainMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainMut")
            .field("len", &self.len())
            .field("room", &self.remaining_mut())
            .field("segment_count", &self.segment_count())
            .finish()
    }
}
