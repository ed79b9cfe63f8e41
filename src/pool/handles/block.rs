//! `Block`: a shared, immutable range of a leased block.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::{Bound, Deref, RangeBounds},
    ptr::NonNull,
};

use bytes::{Buf, Bytes};

use super::{Account, LeaseError};
use crate::pool::engine::BlockRef;

/// A shared, immutable range of a leased block.
///
/// It is to a block what [`bytes::Bytes`] is to a buffer: clones and slices share the bytes, and
/// the block goes home when the last handle on it is gone. A handle whose bytes are all consumed
/// holds nothing (EARLY-RETURN). That differs from `Bytes`: an `advance` to the end releases the
/// block.
///
/// # Shape
/// `len` is in bytes. The account is charged the capacity of the whole block, however small the
/// range is. A handle is 24 bytes, may be shared between threads, and may outlive the handles of
/// its pool.
///
/// # Examples
/// ```
/// use bytes::{Buf, BufMut};
/// use leasehold::Pool;
///
/// let pool = Pool::new(4 << 20)?;
/// let mut block = pool.try_lease(5)?;
/// block.put_slice(b"hello");
/// let mut block = block.freeze();
/// let tail = block.slice(1..);
/// block.advance(5);
/// assert_eq!(&tail[..], b"ello");
/// drop(tail);
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Block {
    pub(super) ptr: NonNull<u8>,
    pub(super) len: u32,
    pub(super) block_ref: BlockRef,
}

// SAFETY: RANGES: all bytes of the range are written, and no code writes them again while it lives.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// # Safety
    /// RANGES: the `len` bytes from `ptr` lie in the block of `block_ref`, are written, and no
    /// `BlockMut` overlaps them.
    #[inline]
    pub(in crate::pool) unsafe fn from_parts(
        ptr: NonNull<u8>,
        len: u32,
        block_ref: BlockRef,
    ) -> Self {
        if len == 0 {
            return Self::empty();
        }
        Self { ptr, len, block_ref }
    }

    /// Makes an empty handle of no block.
    pub const fn empty() -> Self {
        Self { ptr: NonNull::dangling(), len: 0, block_ref: BlockRef::NONE }
    }

    /// The number of bytes in this range.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the range has no bytes. An empty handle holds no block.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of bytes that the account is charged for this handle's block: its whole capacity.
    pub fn block_capacity(&self) -> usize {
        self.block_ref.block().map_or(0, |(_, capacity)| capacity)
    }

    /// Identifies the block. `None` for an empty handle.
    pub(crate) fn block_id(&self) -> Option<usize> {
        self.block_ref.id()
    }

    /// Whether this is the only handle on the block.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(5)?;
    /// block.put_slice(b"hello");
    /// let block = block.freeze();
    /// let clone = block.clone();
    /// assert!(!block.is_unique());
    /// drop(clone);
    /// assert!(block.is_unique());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_unique(&self) -> bool {
        self.block_ref.is_only()
    }

    /// Makes a handle on a part of this range. It costs one atomic addition. An empty part holds
    /// nothing.
    ///
    /// # Panics
    /// If the range ends before it begins, or ends after this one.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Block {
        let (begin, end) = resolve(&range, self.len());
        if begin == end {
            return Self::empty();
        }
        Self {
            // SAFETY: `begin` is at most `len`.
            ptr: unsafe { self.ptr.add(begin) },
            len: (end - begin) as u32,
            block_ref: self.block_ref.share(),
        }
    }

    /// Splits off and returns the first `at` bytes. This handle keeps the rest.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    #[inline]
    pub fn split_to(&mut self, at: usize) -> Block {
        assert!(at <= self.len(), "split_to {at} of {} bytes", self.len);
        if at == self.len() {
            return std::mem::take(self);
        }
        let head = self.slice(..at);
        self.skip(at);
        head
    }

    /// Splits off and returns the bytes behind the first `at`. This handle keeps the first `at`.
    ///
    /// # Panics
    /// If `at` is more than [`len`](Self::len).
    pub fn split_off(&mut self, at: usize) -> Block {
        assert!(at <= self.len(), "split_off {at} of {} bytes", self.len);
        if at == 0 {
            return std::mem::take(self);
        }
        let tail = self.slice(at..);
        self.len = at as u32;
        tail
    }

    /// Keeps only the first `len` bytes. It does nothing if the range has no more than that.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            drop(self.split_off(len));
        }
    }

    /// Drops all bytes.
    pub fn clear(&mut self) {
        *self = Self::empty();
    }

    /// Turns the range into [`Bytes`] without copying. It costs one small allocation, so do it once
    /// for each block and slice afterwards.
    ///
    /// The block goes home when the last `Bytes` of it is dropped. Such `Bytes` are never unique
    /// (`Bytes::try_into_mut` fails), and after an `advance` to the end they hold the block until
    /// they are dropped.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(5)?;
    /// block.put_slice(b"hello");
    /// let bytes = block.freeze().into_bytes();
    /// assert_eq!((&bytes[..], pool.leased()), (&b"hello"[..], 1 << 10));
    /// drop(bytes);
    /// assert_eq!(pool.leased(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_bytes(self) -> Bytes {
        if self.is_empty() { Bytes::new() } else { Bytes::from_owner(self) }
    }

    /// Charges the whole block to another account of the same pool, even if other handles hold
    /// parts of it.
    ///
    /// # Errors
    /// The account, or an account above it, is at its limit (an account that also holds the old
    /// charge needs no more room); or it is of another pool. Then the charge stays where it was.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let (from, to) = (pool.account("from", 1 << 20), pool.account("to", 1 << 20));
    /// let mut block = from.try_lease(5)?;
    /// block.put_slice(b"hello");
    /// let block = block.freeze();
    /// block.charge_to(&to)?;
    /// assert_eq!((from.leased(), to.leased()), (0, 1 << 10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn charge_to(&self, pool: &Account) -> Result<(), LeaseError> {
        Ok(self.block_ref.charge_to(pool.handle())?)
    }

    pub(in crate::pool) fn block_ref(&self) -> &BlockRef {
        &self.block_ref
    }

    #[inline]
    fn skip(&mut self, by: usize) {
        debug_assert!(by <= self.len());
        // SAFETY: `by` is at most `len`.
        self.ptr = unsafe { self.ptr.add(by) };
        self.len -= by as u32;
    }
}

/// The begin and the end of a range in `len` bytes.
pub(crate) fn resolve(range: &impl RangeBounds<usize>, len: usize) -> (usize, usize) {
    let begin = match range.start_bound() {
        Bound::Included(&begin) => begin,
        Bound::Excluded(&before) => before.checked_add(1).expect("a range begins within usize"),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1).expect("a range ends within usize"),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    assert!(begin <= end, "the range begins at {begin}, after its end {end}");
    assert!(end <= len, "the range ends at {end} of {len} bytes");
    (begin, end)
}

impl Clone for Block {
    #[inline]
    fn clone(&self) -> Self {
        Self { ptr: self.ptr, len: self.len, block_ref: self.block_ref.share() }
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: RANGES: these bytes are written, and no code writes them while this handle lives.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len as usize) }
    }
}

impl Buf for Block {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self
    }

    /// Drops the front. At the end of the range this handle's share of the block goes home.
    #[inline]
    fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "advance {count} of {} bytes", self.len);
        if count == self.len() {
            self.clear();
        } else {
            self.skip(count);
        }
    }

    /// Copies nothing: the bytes are linked.
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        self.split_to(len).into_bytes()
    }
}

impl From<Block> for Bytes {
    fn from(block: Block) -> Self {
        block.into_bytes()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("len", &self.len)
            .field("block_capacity", &self.block_capacity())
            .finish()
    }
}

impl Hash for Block {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}
