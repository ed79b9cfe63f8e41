//! Leasing without waiting: `Account::try_lease`, and the blocks of chains.

use super::{Account, BlockMut, LeaseError, asking::Shape};
use crate::pool::{
    engine::{CHAIN_BLOCKS_MAX, Fresh, Grant},
    store::ClassIndex,
};

impl Account {
    /// Leases a block of at least `len` bytes, charged to this account.
    ///
    /// Returns at once. It costs one atomic operation while this thread's magazine has a block of
    /// the class, and one more for each account between this one and the pool. The return costs the
    /// same.
    ///
    /// # Shape
    /// `len` is in bytes. The block's capacity is `len` rounded up to its class, or to the next
    /// class if that one has run out. A fresh block has a length of 0, and its bytes are not
    /// zeroed.
    ///
    /// # Errors
    /// An account is at its limit ([`LeaseError::is_over_limit`]); the pool has no free block, or
    /// other requests wait for one ([`is_exhausted`](LeaseError::is_exhausted)); or no class or
    /// limit is that large ([`is_too_large`](LeaseError::is_too_large)). After an error nothing is
    /// charged.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let mut block = pool.try_lease(3_000)?;
    /// assert_eq!((block.len(), block.capacity()), (0, 4_096));
    /// block.put_slice(b"hello");
    /// assert_eq!(&block[..], b"hello");
    /// assert!(pool.try_lease(2 << 20).is_err_and(|error| error.is_too_large()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_lease(&self, len: usize) -> Result<BlockMut, LeaseError> {
        self.try_lease_fresh(len).map(BlockMut::from)
    }

    /// As [`try_lease`](Self::try_lease), but leases a block of the largest class if none is large
    /// enough. A refusal is not counted: the caller waits, or goes on without the memory (TOLD).
    #[inline]
    pub(crate) fn try_lease_most(&self, len: usize) -> Result<BlockMut, LeaseError> {
        let classes = &self.core().classes;
        let class = classes.holding(len).unwrap_or(classes.largest());
        match self.core().lease_fast(self.handle(), class) {
            Some(block) => Ok(block.into()),
            None => self.try_lease_slow(len.min(classes.len_of(class)), class).map(BlockMut::from),
        }
    }

    /// Leases the block for a chain of `len` bytes, if one block is best and a magazine has it.
    #[inline]
    pub(crate) fn lease_single(&self, len: usize) -> Option<BlockMut> {
        let core = self.core();
        if len == 0 || len > core.settings.budget / 4 {
            return None;
        }
        let class = core.classes.for_chain(len, CHAIN_BLOCKS_MAX);
        if core.classes.len_of(class) < len {
            None
        } else {
            core.lease_fast(self.handle(), class).map(BlockMut::from)
        }
    }

    /// Leases blocks with room for `len` bytes together, all or none.
    pub(crate) fn try_lease_chain(&self, len: usize) -> Result<Vec<BlockMut>, LeaseError> {
        self.try_lease_chain_untold(len).map_err(|error| self.told(error))
    }

    /// As `try_lease_chain`, but a refusal is not counted (TOLD).
    pub(crate) fn try_lease_chain_untold(&self, len: usize) -> Result<Vec<BlockMut>, LeaseError> {
        let request = self.request(len, Shape::Chain)?;
        self.refuse_on_purpose(self.core().bytes_of(request))?;
        let granted = match self.lease_now(request) {
            Ok(grant) => grant,
            Err(blocked) => self.lease_blocked(len, Shape::Chain, blocked)?,
        };
        Ok(BlockMut::all_of(granted.into_blocks()))
    }

    /// Too large to be inlined into each caller. It returns in registers.
    #[inline(never)]
    fn try_lease_fresh(&self, len: usize) -> Result<Fresh, LeaseError> {
        match self.core().classes.holding(len) {
            Some(class) => self.try_lease_of(class, len),
            None => Err(self.too_large(len)),
        }
    }

    #[inline]
    fn try_lease_of(&self, class: ClassIndex, len: usize) -> Result<Fresh, LeaseError> {
        match self.core().lease_fast(self.handle(), class) {
            Some(block) => Ok(block),
            None => self.try_lease_told(len, class),
        }
    }

    #[cold]
    fn try_lease_told(&self, len: usize, class: ClassIndex) -> Result<Fresh, LeaseError> {
        self.try_lease_slow(len, class).map_err(|error| self.told(error))
    }

    #[cold]
    fn try_lease_slow(&self, len: usize, class: ClassIndex) -> Result<Fresh, LeaseError> {
        self.refuse_on_purpose(self.core().classes.len_of(class))?;
        match self.core().lease_block(self.handle(), class) {
            Ok(block) => Ok(block),
            Err(blocked) => self.lease_blocked(len, Shape::Block, blocked).map(Grant::into_block),
        }
    }
}
