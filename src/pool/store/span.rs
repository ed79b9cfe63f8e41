//! The side table of a run of spans: the facts about each block, kept outside the block.
//!
//! # Invariants
//! - TABLE-LIVES: a side table is freed only when all blocks of its run are on the slab's free
//!   list. So code that has a [`RawBlock`] or a counted handle may read its entry and, through it,
//!   the table.
//! - OPAQUE: `owner` and `charged` are for the strata above. The store keeps them and never follows
//!   them.
//! - ONE-HOLDER: a block is on one free list, or in one `RawBlock`, or counted by its handles. It
//!   is never in two of these states.

use std::ptr::NonNull;

use super::class::ClassIndex;
use crate::sync::{AtomicPtr, AtomicU32};

/// The facts that all blocks of a run share. They never change while the table lives.
pub(in crate::pool) struct Span {
    /// The owner of this store (OPAQUE).
    pub(in crate::pool) owner: NonNull<()>,
    pub(in crate::pool) base: NonNull<u8>,
    pub(in crate::pool) metas: NonNull<BlockMeta>,
    pub(in crate::pool) count: u32,
    pub(in crate::pool) class_len: u32,
    /// The first 64 KiB span of the run.
    pub(in crate::pool) first: u32,
    pub(in crate::pool) class: ClassIndex,
}

/// The facts about one block: 24 bytes, beside the table of its run and never in the block.
pub(in crate::pool) struct BlockMeta {
    /// The number of handles on the block. It has a meaning only while the block is leased.
    pub(in crate::pool) refs: AtomicU32,
    index: u32,
    /// The account that is charged for the block (OPAQUE).
    pub(in crate::pool) charged: AtomicPtr<()>,
    span: NonNull<Span>,
}

impl Span {
    /// Makes the table of a run, with one entry for each block.
    pub(in crate::pool) fn new(
        owner: NonNull<()>,
        base: NonNull<u8>,
        first: u32,
        count: u32,
        class: ClassIndex,
        class_len: u32,
    ) -> NonNull<Span> {
        let span = NonNull::from(Box::leak(Box::new(Span {
            owner,
            base,
            metas: NonNull::dangling(),
            count,
            class_len,
            first,
            class,
        })));
        let metas: Box<[BlockMeta]> = (0..count)
            .map(|index| BlockMeta {
                refs: AtomicU32::new(0),
                index,
                charged: AtomicPtr::new(std::ptr::null_mut()),
                span,
            })
            .collect();
        let metas = NonNull::from(Box::leak(metas)).cast();
        // SAFETY: the table was leaked above, and no other code has it yet.
        unsafe { (*span.as_ptr()).metas = metas };
        span
    }

    /// Frees a table.
    ///
    /// # Safety
    /// All blocks of the run are on the slab's free list (TABLE-LIVES), and the table is freed
    /// once.
    pub(in crate::pool) unsafe fn free(span: NonNull<Span>) {
        // SAFETY: `new` leaked this box; the caller promises that no holder is left.
        let span = unsafe { Box::from_raw(span.as_ptr()) };
        let metas = NonNull::slice_from_raw_parts(span.metas, span.count as usize);
        // SAFETY: as above, with the length that `new` made.
        drop(unsafe { Box::from_raw(metas.as_ptr()) });
    }

    /// Takes block `index` off the free list.
    ///
    /// # Safety
    /// The caller has just removed `index` from the run's free list (ONE-HOLDER).
    pub(in crate::pool) unsafe fn raw_block(span: NonNull<Span>, index: usize) -> RawBlock {
        // SAFETY: the slab's table is alive (TABLE-LIVES).
        let table = unsafe { span.as_ref() };
        assert!(index < table.count as usize, "a block outside its run");
        // SAFETY: the assert keeps the index inside the table.
        RawBlock(unsafe { table.metas.add(index) })
    }

    /// The number of bytes that the table of `count` blocks takes.
    pub(in crate::pool) fn bytes(count: usize) -> usize {
        size_of::<Span>() + count * size_of::<BlockMeta>()
    }
}

/// A block that is neither free nor leased: it is on its way, or in a magazine. It has no drop, so
/// it must be put somewhere.
#[must_use = "a block that is dropped here is lost to the pool"]
pub(in crate::pool) struct RawBlock(NonNull<BlockMeta>);

// SAFETY: ONE-HOLDER makes this the only way to the block; its table is read-only or atomic.
unsafe impl Send for RawBlock {}

impl RawBlock {
    /// Takes the block over from its last handle.
    ///
    /// # Safety
    /// The caller counted the handles of `meta` down to zero (ONE-HOLDER).
    pub(in crate::pool) unsafe fn from_meta(meta: NonNull<BlockMeta>) -> Self {
        Self(meta)
    }

    /// Hands the block over to handles, which count themselves in `meta.refs`.
    pub(in crate::pool) fn into_meta(self) -> NonNull<BlockMeta> {
        self.0
    }

    pub(in crate::pool) fn meta(&self) -> &BlockMeta {
        // SAFETY: TABLE-LIVES.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(in crate::pool) fn class(&self) -> ClassIndex {
        self.meta().span().class
    }

    #[inline]
    pub(in crate::pool) fn capacity(&self) -> usize {
        self.meta().capacity()
    }

    /// Wipes the whole block.
    pub(in crate::pool) fn zero(&mut self) {
        let start = self.meta().start();
        // SAFETY: ONE-HOLDER: this is the only way to these `capacity` bytes of the run.
        unsafe { start.write_bytes(0, self.capacity()) };
    }
}

impl BlockMeta {
    #[inline]
    pub(in crate::pool) fn span(&self) -> &Span {
        // SAFETY: TABLE-LIVES: code that reads the entry holds the block.
        unsafe { self.span.as_ref() }
    }

    #[inline]
    pub(in crate::pool) fn index(&self) -> usize {
        self.index as usize
    }

    #[inline]
    pub(in crate::pool) fn capacity(&self) -> usize {
        self.span().class_len as usize
    }

    /// The first byte of the block.
    #[inline]
    pub(in crate::pool) fn start(&self) -> NonNull<u8> {
        let span = self.span();
        // SAFETY: `index` is below `count`, and a run holds `count` blocks of `class_len` bytes.
        unsafe { span.base.add(self.index as usize * span.class_len as usize) }
    }
}
