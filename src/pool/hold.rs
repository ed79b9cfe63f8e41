//! A counted share of one leased block: what makes the handles of the block come home.
//!
//! # Invariants
//! - SHARES: `refs` of a leased block is the number of its `Hold`s; the one that brings it to zero returns the block (HOME).
//! - RANGES: each `Hold` goes with a range of its block. Ranges of `BlockMut`s overlap no other range; ranges of `Block`s
//!   overlap each other only, and all their bytes are written.

use std::{
    collections::BTreeMap,
    process::abort,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed, Release},
    },
};

use super::{
    account::{AccountHandle, Charge, ChargeRefused, MovingCharge, refund},
    error::LeaseError,
    span::{BlockMeta, RawBlock},
};

/// A share of a block, or of none: an empty handle holds nothing.
pub(super) struct Hold(Option<NonNull<BlockMeta>>);

// SAFETY: the entry is atomic or never changes; what may be done to the block's bytes is settled by RANGES.
unsafe impl Send for Hold {}
// SAFETY: as above.
unsafe impl Sync for Hold {}

/// A count beyond this is a leak of handles that would overflow.
const REFS_MAX: u32 = i32::MAX as u32;

impl Hold {
    pub(super) const NONE: Self = Self(None);

    /// The first share of a block that was just taken, charged as `charge` says; with the start of the block.
    #[inline]
    pub(super) fn first(raw: RawBlock, charge: Charge<'_>) -> (Self, NonNull<u8>) {
        let start = raw.meta().start();
        let meta = raw.meta();
        meta.refs.store(1, Relaxed);
        meta.account.store(charge.into_entry(), Relaxed);
        (Self(Some(raw.into_meta())), start)
    }

    /// Another share of the same block.
    #[inline]
    pub(super) fn share(&self) -> Self {
        if let Some(meta) = self.meta()
            && meta.refs.fetch_add(1, Relaxed) > REFS_MAX
        {
            abort();
        }
        Self(self.0)
    }

    /// Whether this is the only share of its block.
    #[inline]
    pub(super) fn is_only(&self) -> bool {
        // Acquire pairs with the release of the share that went before: what it did to its range is over.
        self.meta().is_some_and(|meta| meta.refs.load(Acquire) == 1)
    }

    pub(super) fn is_same_block(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }

    /// Start and capacity of the whole block.
    #[inline]
    pub(super) fn block(&self) -> Option<(NonNull<u8>, usize)> {
        self.meta().map(|meta| (meta.start(), meta.capacity()))
    }

    /// The address of the block's entry, to tell blocks apart.
    pub(super) fn id(&self) -> Option<usize> {
        self.0.map(|meta| meta.addr().get())
    }

    /// Moves the charge of the whole block to another account of the same pool.
    pub(super) fn charge_to(&self, account: &AccountHandle) -> Result<(), LeaseError> {
        Self::charge_all_to(&[self], account)
    }

    /// Moves the charges of all these blocks to another account of the same pool, or none. Shares of one block count as one.
    pub(super) fn charge_all_to(holds: &[&Hold], account: &AccountHandle) -> Result<(), LeaseError> {
        let core = &account.core;
        let metas = || holds.iter().filter_map(|hold| hold.meta());
        if metas().next().is_none() {
            return Ok(());
        }
        if metas().any(|meta| meta.span().core.as_ptr().cast_const() != Arc::as_ptr(core)) {
            return Err(LeaseError::other_pool());
        }
        let mut moving = Vec::with_capacity(holds.len());
        let mut woken = Vec::new();
        let mut refused = None;
        {
            let _moves = core.moves.lock();
            for meta in metas() {
                // SAFETY: its share keeps the block out and charged, and `moves` keeps the charge where its entry says.
                match unsafe { MovingCharge::begin(meta.account.load(Relaxed), account, meta.capacity()) } {
                    Ok(charge) => {
                        // At once, so that another share of the same block has nothing left to move.
                        meta.account.store(account.as_charge(), Relaxed);
                        moving.push((meta, charge));
                    }
                    Err(mut why) => {
                        woken.append(&mut why.woken);
                        refused = Some(why);
                        break;
                    }
                }
            }
            // The last one first, for of two shares of a block the first one knows where it was charged.
            for (meta, charge) in moving.into_iter().rev() {
                if refused.is_some() {
                    meta.account.store(charge.from(), Relaxed);
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

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        // Most handles that are dropped are empty: those that something was moved out of.
        if let Some(entry) = self.0 {
            // SAFETY: this share is given up only here, at its end.
            unsafe { give_up(entry) };
        }
    }
}

/// Gives up a share of a block: the last one takes it home.
///
/// # Safety
/// The share is counted, and nobody uses it again.
unsafe fn give_up(entry: NonNull<BlockMeta>) {
    // SAFETY: TABLE-LIVES, by this share.
    let meta = unsafe { entry.as_ref() };
    // A count of one is ours, and nobody can raise it: the subtraction can be left out.
    if meta.refs.load(Acquire) != 1 {
        if meta.refs.fetch_sub(1, Release) != 1 {
            return;
        }
        // Pairs with the releases of the shares that went before. A load, where a fence would do: ThreadSanitizer knows no fences.
        meta.refs.load(Acquire);
    }
    // SAFETY: the count is used up, and this was the share that did it (SHARES).
    unsafe { go_home(entry) };
}

/// The error of charges that stayed where they were.
fn not_moved<'a>(
    metas: impl Iterator<Item = &'a BlockMeta>,
    account: &AccountHandle,
    refused: &ChargeRefused,
) -> LeaseError {
    let to = account.as_charge();
    // Shares of one block count as one.
    let blocks: BTreeMap<*const BlockMeta, usize> = metas
        .filter(|meta| meta.account.load(Relaxed) != to)
        .map(|meta| (std::ptr::from_ref(meta), meta.capacity()))
        .collect();
    let (name, left) = account.find(refused.at).map_or(("", 0), |at| (at.name(), at.room()));
    LeaseError::account_full(name, blocks.values().sum(), left, refused.limit)
}

/// Refunds a block and takes it home.
///
/// # Safety
/// The block has no share left.
#[inline]
unsafe fn go_home(entry: NonNull<BlockMeta>) {
    // SAFETY: the caller says that this is the last of it.
    let mut raw = unsafe { RawBlock::from_meta(entry) };
    // SAFETY: LIVES: the block is still out.
    let core = unsafe { raw.core().as_ref() };
    if core.settings.zero_on_return {
        raw.zero();
    }
    let Some(account) = NonNull::new(raw.meta().account.load(Relaxed)) else {
        return core.put(raw);
    };
    // SAFETY: the block was charged there, and this is its end. The core lives on: the block is still out.
    let woken = unsafe { refund(account, None, raw.capacity()) };
    if woken.is_empty() {
        core.put(raw);
    } else {
        core.put_woken(raw, woken);
    }
}
