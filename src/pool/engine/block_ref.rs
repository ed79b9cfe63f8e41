//! A counted share of one leased block. The last share brings the block home.
//!
//! # Invariants
//! - SHARES: `refs` of a leased block is the number of its `BlockRef`s. The one that brings it to
//!   zero returns the block (HOME).
//! - RANGES: each `BlockRef` goes with a range of its block. The range of a `BlockMut` overlaps no
//!   other range. The ranges of `Block`s overlap each other only, and all their bytes are written.

use std::{
    collections::BTreeMap,
    process::abort,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed, Release},
    },
};

use super::core::{AccountHandle, AccountNode, Charge, Core, MovingCharge};
use crate::pool::{
    ledger::{ChargeRefused, refund},
    store::{BlockMeta, RawBlock},
};

/// A share of a block. The share of an empty handle is `None`: it holds nothing.
pub(in crate::pool) struct BlockRef(Option<NonNull<BlockMeta>>);

/// The first share of a block that was just leased, in one word, so that it is returned in a
/// register. A `BlockMut` that is returned through memory costs 7 ns more, for a load that waits
/// for two stores when it is moved.
pub(in crate::pool) struct Fresh(BlockRef);

/// Why charges stayed where they were.
pub(in crate::pool) enum Unmoved {
    /// The account belongs to another pool.
    OtherPool,
    /// An account is at its limit.
    OverLimit { account: String, wanted: usize, left: usize, limit: usize },
}

// SAFETY: the entry is atomic or never changes. RANGES says what may be done to the block's bytes.
unsafe impl Send for BlockRef {}
// SAFETY: as above.
unsafe impl Sync for BlockRef {}

/// A count beyond this is a leak of handles, and would overflow in the end.
const REFS_MAX: u32 = i32::MAX as u32;

impl Fresh {
    /// Makes the first share of a block that was just taken, with its charge.
    #[inline]
    pub(super) fn leased(raw: RawBlock, charge: Charge<'_>) -> Self {
        let meta = raw.meta();
        meta.refs.store(1, Relaxed);
        meta.charged.store(charge.into_entry().cast(), Relaxed);
        Self(BlockRef(Some(raw.into_meta())))
    }

    #[inline]
    pub(in crate::pool) fn into_block_ref(self) -> BlockRef {
        self.0
    }
}

impl BlockRef {
    pub(in crate::pool) const NONE: Self = Self(None);

    /// Another share of the same block.
    #[inline]
    pub(in crate::pool) fn share(&self) -> Self {
        if let Some(meta) = self.meta()
            && meta.refs.fetch_add(1, Relaxed) > REFS_MAX
        {
            abort();
        }
        Self(self.0)
    }

    /// Whether this is the only share of its block.
    #[inline]
    pub(in crate::pool) fn is_only(&self) -> bool {
        // Acquire pairs with the release of the share that was dropped before: that share no longer
        // uses its range.
        self.meta().is_some_and(|meta| meta.refs.load(Acquire) == 1)
    }

    pub(in crate::pool) fn is_same_block(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }

    /// The start and the capacity of the whole block.
    #[inline]
    pub(in crate::pool) fn block(&self) -> Option<(NonNull<u8>, usize)> {
        self.meta().map(|meta| (meta.start(), meta.capacity()))
    }

    /// The address of the block's entry, to tell blocks apart.
    pub(in crate::pool) fn id(&self) -> Option<usize> {
        self.0.map(|meta| meta.addr().get())
    }

    /// Moves the charge of the whole block to another account of the same pool.
    pub(in crate::pool) fn charge_to(&self, account: &AccountHandle) -> Result<(), Unmoved> {
        Self::charge_all_to(&[self], account)
    }

    /// Moves the charges of all these blocks to another account of the same pool, or none. Several
    /// shares of one block count as one.
    pub(in crate::pool) fn charge_all_to(
        block_refs: &[&BlockRef],
        account: &AccountHandle,
    ) -> Result<(), Unmoved> {
        let core = &account.owner;
        let metas = || block_refs.iter().filter_map(|block_ref| block_ref.meta());
        if metas().next().is_none() {
            return Ok(());
        }
        if metas().any(|meta| meta.span().owner.as_ptr().cast_const() != Arc::as_ptr(core).cast()) {
            return Err(Unmoved::OtherPool);
        }
        let mut moving = Vec::with_capacity(block_refs.len());
        let mut woken = Vec::new();
        let mut refused = None;
        {
            let _moves = core.moves.lock();
            for meta in metas() {
                // SAFETY: the share keeps the block out and charged, and `moves` keeps the charge
                // at the account that the entry says.
                match unsafe { MovingCharge::begin(charged(meta), account, meta.capacity()) } {
                    Ok(charge) => {
                        // At once, so that another share of the same block has nothing to move.
                        meta.charged.store(account.as_charge().cast(), Relaxed);
                        moving.push((meta, charge));
                    }
                    Err(mut why) => {
                        woken.append(&mut why.woken);
                        refused = Some(why);
                        break;
                    }
                }
            }
            // In reverse: of two shares of one block, the first one has the account of before.
            for (meta, charge) in moving.into_iter().rev() {
                if refused.is_some() {
                    meta.charged.store(charge.from().cast(), Relaxed);
                    woken.extend(charge.undo());
                } else {
                    woken.extend(charge.finish());
                }
            }
        }
        core.serve_moved(woken);
        match refused {
            None => Ok(()),
            Some(refused) => Err(not_moved(metas(), account, &refused)),
        }
    }

    #[inline]
    fn meta(&self) -> Option<&BlockMeta> {
        // SAFETY: TABLE-LIVES: a share keeps its block out.
        self.0.map(|meta| unsafe { meta.as_ref() })
    }
}

impl Drop for BlockRef {
    #[inline]
    fn drop(&mut self) {
        // Most handles that are dropped are empty, because their share was moved out.
        if let Some(entry) = self.0 {
            // SAFETY: this share is given up only here, when it is dropped.
            unsafe { give_up(entry) };
        }
    }
}

/// Gives up a share of a block. The last share takes the block home.
///
/// # Safety
/// The share is counted, and is not used again.
unsafe fn give_up(entry: NonNull<BlockMeta>) {
    // SAFETY: TABLE-LIVES, by this share.
    let meta = unsafe { entry.as_ref() };
    // A count of one is ours, and no other share can raise it, so the subtraction can be left out.
    if meta.refs.load(Acquire) != 1 {
        if meta.refs.fetch_sub(1, Release) != 1 {
            return;
        }
        // Pairs with the releases of the shares that were dropped before. A fence would do, but
        // ThreadSanitizer does not know fences.
        meta.refs.load(Acquire);
    }
    // SAFETY: the count is zero, and this share brought it there (SHARES).
    unsafe { go_home(entry) };
}

/// The account that a block is charged to. Null for the pool's own account.
#[inline]
fn charged(meta: &BlockMeta) -> *mut AccountNode {
    // Only this file writes the word, and only accounts of this core.
    meta.charged.load(Relaxed).cast()
}

/// The reason why the charges of these blocks stayed where they were.
fn not_moved<'a>(
    metas: impl Iterator<Item = &'a BlockMeta>,
    account: &AccountHandle,
    refused: &ChargeRefused,
) -> Unmoved {
    let to = account.as_charge();
    // Several shares of one block count as one.
    let blocks: BTreeMap<*const BlockMeta, usize> = metas
        .filter(|meta| charged(meta) != to)
        .map(|meta| (std::ptr::from_ref(meta), meta.capacity()))
        .collect();
    let (name, left) = account.find(refused.at).map_or(("", 0), |at| (at.name(), at.room()));
    let (wanted, limit) = (blocks.values().sum(), refused.limit);
    Unmoved::OverLimit { account: name.to_owned(), wanted, left, limit }
}

/// Refunds a block and takes it home.
///
/// # Safety
/// The block has no share left.
#[inline]
unsafe fn go_home(entry: NonNull<BlockMeta>) {
    // SAFETY: the caller says that no share is left.
    let mut raw = unsafe { RawBlock::from_meta(entry) };
    // SAFETY: LIVES: the block is still out, and the core gave its own address to its slab
    // (OPAQUE).
    let core = unsafe { raw.meta().span().owner.cast::<Core>().as_ref() };
    if core.settings.zero_on_return {
        raw.zero();
    }
    let Some(account) = NonNull::new(charged(raw.meta())) else {
        return core.put(raw);
    };
    // SAFETY: the block was charged there, and its charge ends here. The core lives on, because the
    // block is still out.
    let woken = unsafe { refund(account, None, raw.capacity()) };
    if woken.is_empty() {
        core.put(raw);
    } else {
        core.put_woken(raw, woken);
    }
}
