//! `BlockMut`: an exclusive range of a leased block.

use std::{
    fmt, io,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use bytes::{Buf, BufMut, buf::UninitSlice};

use super::{Account, Block, LeaseError};
use crate::pool::engine::{BlockRef, Fresh};

/// An exclusive range of a leased block. Its first bytes are written, the rest is room.
///
/// It is to a block what [`bytes::BytesMut`] is to a buffer, with one difference: it never grows.
/// It dereferences to the written bytes, and [`BufMut`] writes into the room.
/// [`split_to`](Self::split_to) gives two handles on one block with disjoint ranges, so that a
/// frame can be frozen and shared while the tail is still being filled. The block goes home when
/// its last handle is dropped.
///
/// # Shape
/// `len` and `capacity` are the bytes of this range. The account is charged the capacity of the
/// whole block until the last handle on it is gone. A handle is 24 bytes, may move between threads,
/// and may outlive the handles of its pool.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let mut block = pool.try_lease(4096)?;
/// block.put_slice(b"hello, world");
/// let head = block.split_to(5).freeze();
/// assert_eq!(&head[..], b"hello");
/// assert_eq!(&block[..], b", world");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a block that is not used goes home at once"]
pub struct BlockMut {
    /// Where the range begins.
    ptr: NonNull<u8>,
    /// The number of bytes in it that are written.
    len: u32,
    /// The length of the range.
    cap: u32,
    block_ref: BlockRef,
}

// SAFETY: RANGES: no other handle reaches these bytes, so this one may move between threads.
unsafe impl Send for BlockMut {}
// SAFETY: RANGES: a shared handle only reads written bytes.
unsafe impl Sync for BlockMut {}

impl BlockMut {
    pub(super) fn all_of(blocks: Vec<Fresh>) -> Vec<Self> {
        blocks.into_iter().map(Self::from).collect()
    }

    /// Makes a range of no block: no length, no room, nothing charged.
    pub const fn empty() -> Self {
        Self { ptr: NonNull::dangling(), len: 0, cap: 0, block_ref: BlockRef::NONE }
    }

    /// # Safety
    /// RANGES: the range from `ptr` lies in the block of `block_ref`, its first `len` of `cap`
    /// bytes are written, and no other handle overlaps it.
    pub(in crate::pool) unsafe fn from_parts(
        ptr: NonNull<u8>,
        len: u32,
        cap: u32,
        block_ref: BlockRef,
    ) -> Self {
        Self { ptr, len, cap, block_ref }
    }

    /// The number of bytes that are written.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nothing is written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of bytes of this range, written or not.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.cap as usize
    }

    /// The number of bytes that the account is charged for this handle's block: its whole capacity.
    pub fn block_capacity(&self) -> usize {
        self.block_ref.block().map_or(0, |(_, capacity)| capacity)
    }

    /// Makes the written bytes immutable and shareable. It costs nothing. The room is lost until
    /// the block has no other handle ([`Block::try_into_mut`]).
    #[inline]
    pub fn freeze(self) -> Block {
        let Self { ptr, len, block_ref, .. } = self;
        // SAFETY: RANGES: the first `len` bytes are written, and this exclusive range ends here.
        unsafe { Block::from_parts(ptr, len, block_ref) }
    }

    /// Splits off and returns the first `at` bytes. This handle keeps the rest and the room.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    #[inline]
    pub fn split_to(&mut self, at: usize) -> BlockMut {
        assert!(at <= self.len(), "split_to {at} of {} written bytes", self.len);
        let at = at as u32;
        if at == self.cap {
            return std::mem::take(self);
        }
        if at == 0 {
            return Self::empty();
        }
        let head = Self { ptr: self.ptr, len: at, cap: at, block_ref: self.block_ref.share() };
        self.skip(at);
        head
    }

    /// Splits off and returns all written bytes. This handle keeps the room.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(1_024)?;
    /// block.put_slice(b"first");
    /// let first = block.split().freeze();
    /// block.put_slice(b"second");
    /// assert_eq!((&first[..], &block[..]), (&b"first"[..], &b"second"[..]));
    /// assert_eq!(pool.leased(), 1_024); // one block
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn split(&mut self) -> BlockMut {
        self.split_to(self.len())
    }

    /// Splits off and returns the range behind the first `at` bytes, written or not.
    ///
    /// # Panics
    /// If `at` is more than [`capacity`](Self::capacity).
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut left = pool.try_lease(4_096)?;
    /// let right = left.split_off(1_000);
    /// assert_eq!((left.capacity(), right.capacity()), (1_000, 3_096));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split_off(&mut self, at: usize) -> BlockMut {
        assert!(at <= self.capacity(), "split_off {at} of {} bytes of capacity", self.cap);
        let at = at as u32;
        if at == 0 {
            return std::mem::take(self);
        }
        if at == self.cap {
            return Self::empty();
        }
        let mut tail =
            Self { ptr: self.ptr, len: self.len, cap: self.cap, block_ref: self.block_ref.share() };
        tail.skip(at);
        self.len = self.len.min(at);
        self.cap = at;
        tail
    }

    /// Joins `other` to the end of this range, if it is the next range of the same block and there
    /// is no unwritten room between the two. It costs nothing.
    ///
    /// # Errors
    /// Hands `other` back if the two are not adjacent.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::{BlockMut, Pool};
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut head = pool.try_lease(1_024)?;
    /// head.put_slice(b"hello, world");
    /// let tail = head.split_off(5);
    /// assert!(head.unsplit(tail).is_ok());
    /// assert_eq!(&head[..], b"hello, world");
    /// assert!(head.unsplit(pool.try_lease(10)?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unsplit(&mut self, other: BlockMut) -> Result<(), BlockMut> {
        if other.cap == 0 {
            return Ok(());
        }
        if self.cap == 0 {
            *self = other;
            return Ok(());
        }
        let end = self.ptr.addr().get() + self.cap as usize;
        let is_next =
            self.block_ref.is_same_block(&other.block_ref) && end == other.ptr.addr().get();
        if !is_next || (self.len < self.cap && other.len > 0) {
            return Err(other);
        }
        self.len += other.len;
        self.cap += other.cap;
        Ok(())
    }

    /// Makes room for `additional` bytes in the same block, if no other handle is on it. The parts
    /// that other handles had become room, and the written bytes move to the front if that is
    /// needed. Returns whether the room is there.
    ///
    /// # Examples
    /// ```
    /// use bytes::{Buf, BufMut};
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(1_024)?;
    /// block.put_bytes(b'x', 1_024);
    /// block.advance(1_000);
    /// assert_eq!(block.remaining_mut(), 0);
    /// assert!(block.try_reclaim(1_000)); // the 24 bytes move to the front
    /// assert_eq!((block.len(), block.remaining_mut()), (24, 1_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_reclaim(&mut self, additional: usize) -> bool {
        if self.capacity() - self.len() >= additional {
            return true;
        }
        let Some((start, capacity)) = self.block_ref.block() else { return false };
        if !self.block_ref.is_only() || capacity - self.len() < additional {
            return false;
        }
        let front = self.ptr.addr().get() - start.addr().get();
        if capacity - front - self.len() >= additional {
            self.cap = (capacity - front) as u32;
            return true;
        }
        // SAFETY: RANGES: this is the only handle, so all `capacity` bytes from `start` are its
        // own. Both ranges lie there.
        unsafe { std::ptr::copy(self.ptr.as_ptr(), start.as_ptr(), self.len()) };
        self.ptr = start;
        self.cap = capacity as u32;
        true
    }

    /// Gives up the room. It belongs to no handle until the block has no other handle
    /// ([`try_reclaim`](Self::try_reclaim)).
    #[inline]
    pub(crate) fn give_up_room(&mut self) {
        self.cap = self.len;
    }

    /// Drops the bytes behind the first `len`; they become room. It does nothing if there are no
    /// more than that.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(u32::try_from(len).unwrap_or(u32::MAX));
    }

    /// Drops all bytes. They become room.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The room, for code that fills it and then calls [`set_len`](Self::set_len).
    #[inline]
    pub fn spare_capacity_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: `len` is at most `cap`, so this is inside the range.
        let room = unsafe { self.ptr.add(self.len as usize) }.cast();
        // SAFETY: RANGES: the room is ours alone, and uninitialised bytes may be written in any
        // way.
        unsafe { std::slice::from_raw_parts_mut(room.as_ptr(), (self.cap - self.len) as usize) }
    }

    /// Sets how many bytes are written.
    ///
    /// # Safety
    /// The first `len` bytes of the range are written, and `len` is at most
    /// [`capacity`](Self::capacity).
    #[inline]
    pub unsafe fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.capacity());
        self.len = len as u32;
    }

    /// Charges the whole block to another account of the same pool, even if other handles hold
    /// parts of it.
    ///
    /// # Errors
    /// The account, or an account above it, is at its limit (an account that also holds the old
    /// charge needs no more room); or it is of another pool. Then the charge stays where it was.
    pub fn charge_to(&self, pool: &Account) -> Result<(), LeaseError> {
        Ok(self.block_ref.charge_to(pool.handle())?)
    }

    pub(in crate::pool) fn block_ref(&self) -> &BlockRef {
        &self.block_ref
    }

    /// Moves the front of the range forward.
    #[inline]
    fn skip(&mut self, by: u32) {
        debug_assert!(by <= self.cap);
        // SAFETY: `by` is at most `cap`, so the new front is inside the range or at its end.
        self.ptr = unsafe { self.ptr.add(by as usize) };
        self.len = self.len.saturating_sub(by);
        self.cap -= by;
    }
}

impl Block {
    /// Makes the range writable again, if no other handle is on the block. The bytes behind it in
    /// the block become room.
    ///
    /// # Errors
    /// Hands the handle back while others share the block. An empty handle is always handed back.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(1_024)?;
    /// block.put_slice(b"hello");
    /// let block = block.freeze();
    /// let clone = block.clone();
    /// let block = block.try_into_mut().expect_err("the clone shares it");
    /// drop(clone);
    /// let mut block = block.try_into_mut().expect("it is the only handle");
    /// block.put_slice(b", world");
    /// assert_eq!(&block[..], b"hello, world");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_into_mut(self) -> Result<BlockMut, Block> {
        match self.block_ref.block() {
            Some((start, capacity)) if self.block_ref.is_only() => {
                let front = self.ptr.addr().get() - start.addr().get();
                let Self { ptr, len, block_ref } = self;
                // SAFETY: this was the only handle, so all bytes from `ptr` to the end of the block
                // are its own.
                Ok(unsafe { BlockMut::from_parts(ptr, len, (capacity - front) as u32, block_ref) })
            }
            _ => Err(self),
        }
    }
}

impl From<BlockMut> for Block {
    fn from(block: BlockMut) -> Self {
        block.freeze()
    }
}

impl From<Fresh> for BlockMut {
    #[inline]
    fn from(fresh: Fresh) -> Self {
        let block_ref = fresh.into_block_ref();
        // RANGES: the first share has the whole block.
        match block_ref.block() {
            Some((ptr, capacity)) => Self { ptr, len: 0, cap: capacity as u32, block_ref },
            None => Self::empty(),
        }
    }
}

impl Deref for BlockMut {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: RANGES: the first `len` bytes are written, and no other handle writes them.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for BlockMut {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: RANGES: the first `len` bytes are written, and no other handle reaches them.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len as usize) }
    }
}

// SAFETY: `chunk_mut` is the room right after the written bytes, `remaining_mut` its length, and
// `advance_mut` checks it.
unsafe impl BufMut for BlockMut {
    #[inline]
    fn remaining_mut(&self) -> usize {
        (self.cap - self.len) as usize
    }

    #[inline]
    unsafe fn advance_mut(&mut self, count: usize) {
        assert!(
            count <= self.remaining_mut(),
            "advance_mut {count} of {} bytes of room",
            self.remaining_mut()
        );
        self.len += count as u32;
    }

    #[inline]
    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::uninit(self.spare_capacity_mut())
    }

    /// # Panics
    /// If there is not enough room.
    #[inline]
    fn put_slice(&mut self, src: &[u8]) {
        assert!(
            src.len() <= self.remaining_mut(),
            "{} bytes into {} bytes of room",
            src.len(),
            self.remaining_mut()
        );
        // SAFETY: `len` is at most `cap`, so this is inside the range.
        let room = unsafe { self.ptr.add(self.len as usize) };
        // SAFETY: the room is ours alone (RANGES), so it does not overlap `src`, and the assert
        // says that it is long enough.
        unsafe { std::ptr::copy_nonoverlapping(src.as_ptr(), room.as_ptr(), src.len()) };
        self.len += src.len() as u32;
    }
}

impl Buf for BlockMut {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self
    }

    /// Drops the front of the range. A range without bytes and without room goes home.
    #[inline]
    fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "advance {count} of {} written bytes", self.len);
        if count == self.capacity() {
            *self = Self::empty();
        } else {
            self.skip(count as u32);
        }
    }
}

impl io::Write for BlockMut {
    /// Writes as many bytes as fit. Returns 0 when there is no room.
    fn write(&mut self, src: &[u8]) -> io::Result<usize> {
        let count = src.len().min(self.remaining_mut());
        self.put_slice(&src[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsMut<[u8]> for BlockMut {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for BlockMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockMut")
            .field("len", &self.len)
            .field("capacity", &self.cap)
            .field("block_capacity", &self.block_capacity())
            .finish()
    }
}
