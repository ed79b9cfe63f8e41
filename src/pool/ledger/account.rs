//! Accounts, which are charged the capacity of blocks. They nest, and each has its own limit.
//!
//! An account lives while a handle to it exists or something is charged to it. Both counts are
//! packed into one word, so that a lease touches no reference count beside the charge.
//!
//! # Invariants
//! - ALIVE: an account is freed by the share that brings its word to zero. Until then a handle, a
//!   charge or a child keeps it, and each account keeps its parent by a handle.
//! - EXACT: the charge is the capacity of all blocks charged to the account and its descendants,
//!   and all bytes reserved there. At the moment of a charge it is never above the limit. The
//!   pool's own account is not charged: its charge is what the slab has out.

use std::{
    borrow::Cow,
    fmt,
    ops::Deref,
    process::abort,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use super::AccountKey;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize};

/// The layout of the word: 40 bits of charge, 23 bits of handles, and one bit that says whether a
/// request waits.
const CHARGE_BITS: u32 = 40;
const CHARGE: u64 = (1 << CHARGE_BITS) - 1;
const HANDLE: u64 = 1 << CHARGE_BITS;
pub(super) const WAITERS: u64 = 1 << 63;
const HANDLES: u64 = !CHARGE & !WAITERS;

/// The largest budget: the most that a charge can count, and the most that a slice of memory can
/// have.
pub(in crate::pool) const BUDGET_MAX: usize =
    if usize::BITS > CHARGE_BITS { CHARGE as usize } else { isize::MAX as usize };

/// The owner of the accounts of a pool. It is told of them, and serves the waiters.
pub(in crate::pool) trait Owner: Sized + Send + Sync {
    /// An account was opened.
    fn opened(&self, account: &AccountNode<Self>);

    /// An account is about to be freed.
    fn ended(&self, account: &AccountNode<Self>);

    /// Charges were refunded at these accounts, and requests wait there.
    fn serve(&self, woken: Vec<AccountKey>);

    /// The last account is gone.
    fn close(self: Arc<Self>);
}

pub(in crate::pool) struct AccountNode<O: Owner> {
    pub(super) word: AtomicU64,
    limit: AtomicUsize,
    /// Bytes that leases here draw on before anything is charged (CREDITED).
    pub(super) credit: AtomicUsize,
    /// The number of credits whose bytes were put there and that have not ended.
    pub(super) credits: AtomicU32,
    peak: AtomicU64,
    pub(super) parent: Option<NonNull<AccountNode<O>>>,
    name: Cow<'static, str>,
    pub(in crate::pool) owner: Arc<O>,
}

/// A counted handle to an account.
pub(in crate::pool) struct AccountHandle<O: Owner>(pub(super) NonNull<AccountNode<O>>);

// SAFETY: an account is shared by design. Its fields are atomic or never change (ALIVE says how
// long), and its owner may be shared between threads.
unsafe impl<O: Owner> Send for AccountHandle<O> {}
// SAFETY: as above.
unsafe impl<O: Owner> Sync for AccountHandle<O> {}

impl<O: Owner> AccountHandle<O> {
    /// The pool's own account.
    pub(in crate::pool) fn root(owner: Arc<O>, limit: usize, name: Cow<'static, str>) -> Self {
        Self::new(owner, limit, name, None)
    }

    /// An account inside this one.
    pub(in crate::pool) fn child(&self, limit: usize, name: Cow<'static, str>) -> Self {
        let parent = self.clone();
        let child = Self::new(Arc::clone(&self.owner), limit, name, Some(parent.0));
        // The child keeps this handle until `end` gives it up.
        std::mem::forget(parent);
        self.owner.opened(&child);
        child
    }

    fn new(
        owner: Arc<O>,
        limit: usize,
        name: Cow<'static, str>,
        parent: Option<NonNull<AccountNode<O>>>,
    ) -> Self {
        Self(NonNull::from(Box::leak(Box::new(AccountNode {
            word: AtomicU64::new(HANDLE),
            limit: AtomicUsize::new(limit.min(BUDGET_MAX)),
            credit: AtomicUsize::new(0),
            credits: AtomicU32::new(0),
            peak: AtomicU64::new(0),
            parent,
            name,
            owner,
        }))))
    }

    /// What the entry of a block stores as the account that it is charged to.
    #[inline]
    pub(in crate::pool) fn as_charge(&self) -> *mut AccountNode<O> {
        if self.is_root() { std::ptr::null_mut() } else { self.0.as_ptr() }
    }
}

impl<O: Owner> Clone for AccountHandle<O> {
    fn clone(&self) -> Self {
        self.add_handle();
        Self(self.0)
    }
}

impl<O: Owner> Deref for AccountHandle<O> {
    type Target = AccountNode<O>;

    #[inline]
    fn deref(&self) -> &AccountNode<O> {
        // SAFETY: ALIVE, by this handle.
        unsafe { self.0.as_ref() }
    }
}

impl<O: Owner> Drop for AccountHandle<O> {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: this handle was counted, and it is given up once.
        unsafe { give_up(self.0, HANDLE) };
    }
}

impl<O: Owner> AccountNode<O> {
    #[inline]
    pub(in crate::pool) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    pub(in crate::pool) fn key(&self) -> AccountKey {
        AccountKey::of(NonNull::from(self))
    }

    pub(in crate::pool) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::pool) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    pub(in crate::pool) fn set_limit(&self, limit: usize) {
        self.limit.store(limit.min(BUDGET_MAX), Relaxed);
    }

    /// The number of bytes that are charged. It is 0 for the pool's own account, which counts in
    /// the slab.
    pub(in crate::pool) fn charge_now(&self) -> usize {
        (self.word.load(Relaxed) & CHARGE) as usize
    }

    pub(in crate::pool) fn peak(&self) -> usize {
        self.peak.load(Relaxed) as usize
    }

    /// The smallest limit of this account and all accounts above it.
    pub(in crate::pool) fn limit_of_all(&self) -> usize {
        self.ancestors().map(AccountNode::limit).min().unwrap_or(0)
    }

    /// Charges this account and every account above it, up to and not including `stop`. An error is
    /// the account that refused. The accounts below it are charged until `refused` takes that back.
    #[inline]
    pub(super) fn charge_below(
        &self,
        stop: Option<AccountKey>,
        bytes: usize,
        in_turn: bool,
    ) -> Result<(), &AccountNode<O>> {
        let mut at = self;
        while let Some(parent) = at.parent {
            if Some(at.key()) == stop {
                break;
            }
            if !at.add(bytes, in_turn) {
                return Err(at);
            }
            // SAFETY: ALIVE: `at` keeps its parent.
            at = unsafe { parent.as_ref() };
        }
        Ok(())
    }

    /// Adds to the charge, if the limit allows it.
    #[inline]
    fn add(&self, bytes: usize, in_turn: bool) -> bool {
        let limit = self.limit() as u64;
        let mut word = self.word.load(Relaxed);
        loop {
            let charge = (word & CHARGE) + bytes as u64;
            if charge > limit || (word & WAITERS != 0 && !in_turn) {
                return false;
            }
            // Acquire pairs with the refund that made the room: its holder has stopped using the
            // memory.
            match self.word.compare_exchange_weak(word, word + bytes as u64, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Remembers the charge as a peak, here and at every account above up to and not including
    /// `stop`. Call it only when a charge is final: one that is refunded, because a block or room
    /// above is missing, was never held.
    #[inline]
    pub(super) fn note_peak(&self, stop: Option<AccountKey>) {
        let mut at = self;
        while let Some(parent) = at.parent {
            if Some(at.key()) == stop {
                return;
            }
            let charge = at.word.load(Relaxed) & CHARGE;
            if charge > at.peak.load(Relaxed) {
                at.raise_peak(charge);
            }
            // SAFETY: ALIVE: `at` keeps its parent.
            at = unsafe { parent.as_ref() };
        }
    }

    #[cold]
    fn raise_peak(&self, charge: u64) {
        self.peak.fetch_max(charge, Relaxed);
    }

    /// Whether the limit has room for `bytes` now.
    pub(in crate::pool) fn has_room(&self, bytes: usize) -> bool {
        self.limit().checked_sub(self.charge_now()).is_some_and(|room| bytes <= room)
    }

    /// The number of bytes that may still be charged here.
    pub(in crate::pool) fn room(&self) -> usize {
        self.limit().saturating_sub(self.charge_now())
    }

    /// Makes every later refund look at the queue. The queue looks once more after this call.
    pub(in crate::pool) fn set_waiters(&self, waiting: bool) {
        if waiting {
            self.word.fetch_or(WAITERS, AcqRel);
        } else {
            self.word.fetch_and(!WAITERS, AcqRel);
        }
    }

    /// The account with this key, if that is this account or one above it.
    pub(in crate::pool) fn find(&self, key: AccountKey) -> Option<&AccountNode<O>> {
        self.ancestors().find(|at| at.key() == key)
    }

    /// This account and all above it, up to the pool.
    pub(in crate::pool) fn ancestors(&self) -> impl Iterator<Item = &AccountNode<O>> {
        // SAFETY: ALIVE: each account keeps its parent.
        std::iter::successors(Some(self), |at| at.parent.map(|parent| unsafe { parent.as_ref() }))
    }

    fn add_handle(&self) {
        if self.word.fetch_add(HANDLE, Relaxed) & HANDLES == HANDLES {
            // There are 8 million handles to one account. One more would overflow the count, and
            // the account would be freed too early.
            abort();
        }
    }
}

/// Subtracts from an account's word, and ends the account if that was the last share. Returns the
/// word before.
///
/// # Safety
/// The caller owns what it subtracts, and does not use the account through it afterwards.
#[inline]
pub(super) unsafe fn give_up<O: Owner>(account: NonNull<AccountNode<O>>, share: u64) -> u64 {
    // SAFETY: the caller says so.
    let word = unsafe { subtract(account, share) };
    if word == share {
        // SAFETY: the word is zero: no share is left, and none can be made.
        unsafe { end(account) };
    }
    word
}

/// Subtracts from an account's word and returns the word before. If that is `share`, the caller
/// must end the account.
///
/// # Safety
/// As [`give_up`].
#[inline]
unsafe fn subtract<O: Owner>(account: NonNull<AccountNode<O>>, share: u64) -> u64 {
    // SAFETY: ALIVE, by the share.
    let shared = &unsafe { account.as_ref() }.word;
    let word = shared.fetch_sub(share, Release);
    if word == share {
        // Pairs with the releases of all that had a share. A fence would do, but ThreadSanitizer
        // does not know fences.
        shared.load(Acquire);
    }
    word
}

/// Frees an account and gives up its share of its parent. The end of the pool's own account closes
/// the pool.
///
/// # Safety
/// The account's word is zero.
#[cold]
unsafe fn end<O: Owner>(mut account: NonNull<AccountNode<O>>) {
    // A loop and no recursion: accounts nest to any depth, and the stack does not.
    loop {
        // SAFETY: `new` leaked this box, and a word of zero means that no other code has the
        // account.
        let ending = unsafe { account.as_ref() };
        if !ending.is_root() {
            // The account must leave the list before it is freed.
            ending.owner.ended(ending);
        }
        // SAFETY: as above.
        let ended = unsafe { Box::from_raw(account.as_ptr()) };
        let Some(parent) = ended.parent else { return ended.owner.close() };
        // SAFETY: `child` left this handle to us.
        if unsafe { subtract(parent, HANDLE) } != HANDLE {
            return;
        }
        account = parent;
    }
}

impl<O: Owner> fmt::Debug for AccountNode<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountNode")
            .field("name", &self.name)
            .field("charge", &self.charge_now())
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}
