//! Accounts: who is charged for which capacity, nested, each within its own limit.
//!
//! An account lives while somebody holds a handle to it or something is charged to it; both counts are packed into one word,
//! so that a lease touches no reference count beside the charge.
//!
//! # Invariants
//! - ALIVE: an account is freed by whoever brings its word to zero; before that a handle, a charge or a child keeps it, and
//!   each account keeps its parent by a handle.
//! - EXACT: the charge is the capacity of all blocks charged to the account and its descendants, and all bytes reserved there; it is
//!   never above the limit at the moment of a charge. The pool's own account is not charged: its charge is what the slab has out.

mod accounts;
mod covering;
mod moving;
mod refund;
mod standing;

pub(super) use self::{
    accounts::Accounts, covering::CoveredCharge, moving::MovingCharge, refund::refund, standing::StandingCharge,
};

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

use super::core::Core;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize};

/// Layout of the word: 40 bits of charge, 23 bits of handles, one bit that says whether somebody waits.
const CHARGE_BITS: u32 = 40;
const CHARGE: u64 = (1 << CHARGE_BITS) - 1;
const HANDLE: u64 = 1 << CHARGE_BITS;
const WAITERS: u64 = 1 << 63;
const HANDLES: u64 = !CHARGE & !WAITERS;

/// The largest budget: what a charge can count, and what a slice of memory can be long.
pub(super) const BUDGET_MAX: usize = if usize::BITS > CHARGE_BITS { CHARGE as usize } else { isize::MAX as usize };

pub(super) struct Account {
    word: AtomicU64,
    limit: AtomicUsize,
    /// Bytes that leases here are made of before anything is charged (COVERED).
    cover: AtomicUsize,
    /// How many have laid bytes there and not gone.
    covers: AtomicU32,
    peak: AtomicU64,
    parent: Option<NonNull<Account>>,
    name: Cow<'static, str>,
    pub(super) core: Arc<Core>,
}

/// Who an account is, for queues and lists: its address, never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AccountKey(usize);

/// A counted handle to an account.
pub(super) struct AccountHandle(NonNull<Account>);

// SAFETY: an account is shared by design: its fields are atomic or never change (ALIVE says how long).
unsafe impl Send for AccountHandle {}
// SAFETY: as above.
unsafe impl Sync for AccountHandle {}

/// The account that said no to a charge; somebody may wait at those that were charged and refunded on the way.
pub(super) struct ChargeRefused {
    pub(super) at: AccountKey,
    pub(super) left: usize,
    pub(super) limit: usize,
    pub(super) woken: Vec<AccountKey>,
}

impl AccountHandle {
    /// The pool's own account.
    pub(super) fn root(core: Arc<Core>, limit: usize, name: Cow<'static, str>) -> Self {
        Self::new(core, limit, name, None)
    }

    /// An account inside this one.
    pub(super) fn child(&self, limit: usize, name: Cow<'static, str>) -> Self {
        let parent = self.clone();
        let child = Self::new(Arc::clone(&self.core), limit, name, Some(parent.0));
        // The child keeps this handle until `end` gives it up.
        std::mem::forget(parent);
        self.core.accounts.insert(child.key());
        child
    }

    fn new(core: Arc<Core>, limit: usize, name: Cow<'static, str>, parent: Option<NonNull<Account>>) -> Self {
        Self(NonNull::from(Box::leak(Box::new(Account {
            word: AtomicU64::new(HANDLE),
            limit: AtomicUsize::new(limit.min(BUDGET_MAX)),
            cover: AtomicUsize::new(0),
            covers: AtomicU32::new(0),
            peak: AtomicU64::new(0),
            parent,
            name,
            core,
        }))))
    }

    /// Charges `bytes` here and to every account above, or to none. Only the queue says `in_turn`, when it serves a waiter;
    /// everybody else stays behind those who wait.
    #[inline]
    pub(super) fn charge(&self, bytes: usize, in_turn: bool) -> Result<Charge<'_>, ChargeRefused> {
        match self.charge_below(None, bytes, in_turn) {
            Ok(()) => Ok(Charge { account: self, bytes, cover: None }),
            Err(at) => Err(self.refused(at, bytes)),
        }
    }

    /// As `charge` for those who do not wait, without the reason: whoever wants it charges again.
    #[inline]
    pub(super) fn charge_fast(&self, bytes: usize) -> Option<Charge<'_>> {
        match self.charge_below(None, bytes, false) {
            Ok(()) => Some(Charge { account: self, bytes, cover: None }),
            Err(at) => {
                self.serve_refused(at, bytes);
                None
            }
        }
    }

    #[cold]
    fn serve_refused(&self, at: &Account, bytes: usize) {
        self.core.serve(self.refused(at, bytes).woken);
    }

    /// What a block's entry says of whom it is charged to.
    #[inline]
    pub(super) fn as_charge(&self) -> *mut Account {
        if self.is_root() { std::ptr::null_mut() } else { self.0.as_ptr() }
    }
}

/// A charge on its way to a block or a reservation. Has no drop: it arrives or is refunded.
#[must_use = "a charge that is dropped here is never refunded"]
pub(super) struct Charge<'a> {
    account: &'a AccountHandle,
    bytes: usize,
    /// The account whose cover it was drawn from.
    cover: Option<&'a Account>,
}

impl Charge<'_> {
    /// Hands the charge over to a block's entry.
    #[inline]
    pub(super) fn into_entry(self) -> *mut Account {
        self.account.note_peak(None);
        self.account.as_charge()
    }

    /// Hands the charge over to whoever keeps the account.
    pub(super) fn stand_with(self) -> usize {
        self.account.note_peak(None);
        self.bytes
    }

    pub(super) fn account_key(&self) -> AccountKey {
        self.account.key()
    }

    /// Takes the charge back; returns the accounts at which somebody waits.
    pub(super) fn refund(self) -> Vec<AccountKey> {
        // SAFETY: this charge was made once, and is consumed here.
        unsafe { refund(self.account.0, None, self.bytes) }
    }
}

impl Clone for AccountHandle {
    fn clone(&self) -> Self {
        self.add_handle();
        Self(self.0)
    }
}

impl Deref for AccountHandle {
    type Target = Account;

    #[inline]
    fn deref(&self) -> &Account {
        // SAFETY: ALIVE, by this handle.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for AccountHandle {
    fn drop(&mut self) {
        // SAFETY: this handle was counted, and is given up once.
        unsafe { give_up(self.0, HANDLE) };
    }
}

impl Account {
    #[inline]
    pub(super) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    pub(super) fn key(&self) -> AccountKey {
        AccountKey::of(NonNull::from(self))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit.min(BUDGET_MAX), Relaxed);
    }

    /// Bytes charged; 0 for the pool's own account, which counts in the slab.
    pub(super) fn charge_now(&self) -> usize {
        (self.word.load(Relaxed) & CHARGE) as usize
    }

    pub(super) fn peak(&self) -> usize {
        self.peak.load(Relaxed) as usize
    }

    /// Whether this is the only handle, and nothing is charged: nobody else can ever come to know the account then.
    #[cfg(feature = "tower")]
    pub(super) fn is_unused(&self) -> bool {
        // Acquire pairs with the releases of all who had a share.
        self.word.load(Acquire) == HANDLE
    }

    #[cfg(feature = "tower")]
    pub(super) fn forget_peak(&self) {
        self.peak.store(0, Relaxed);
    }

    /// The smallest limit from here to the pool.
    pub(super) fn limit_of_all(&self) -> usize {
        self.line().map(Account::limit).min().unwrap_or(0)
    }

    /// Charges here and to every account above, up to and not including `stop`. An error is the account that refused: those
    /// below it are charged until `refused` takes that back.
    #[inline]
    fn charge_below(&self, stop: Option<AccountKey>, bytes: usize, in_turn: bool) -> Result<(), &Account> {
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

    /// Takes back what was charged below the account that refused.
    #[cold]
    fn refused(&self, at: &Account, bytes: usize) -> ChargeRefused {
        ChargeRefused {
            at: at.key(),
            left: at.room(),
            limit: at.limit(),
            // SAFETY: exactly the accounts below `at` were charged by `charge_below`.
            woken: unsafe { refund(NonNull::from(self), Some(at.key()), bytes) },
        }
    }

    /// Adds to the charge within the limit.
    #[inline]
    fn add(&self, bytes: usize, in_turn: bool) -> bool {
        let limit = self.limit() as u64;
        let mut word = self.word.load(Relaxed);
        loop {
            let charge = (word & CHARGE) + bytes as u64;
            if charge > limit || (word & WAITERS != 0 && !in_turn) {
                return false;
            }
            // Acquire pairs with the refund that made the room: what its holder did is over.
            match self.word.compare_exchange_weak(word, word + bytes as u64, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Remembers the charge as it is, here and at every account above up to and not including `stop`. Only once a charge has
    /// arrived: one that is refunded for want of a block, or of room above, was never held.
    #[inline]
    fn note_peak(&self, stop: Option<AccountKey>) {
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

    /// Whether `bytes` would fit here now.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.limit().checked_sub(self.charge_now()).is_some_and(|room| bytes <= room)
    }

    /// What may still be charged here, in bytes.
    pub(super) fn room(&self) -> usize {
        self.limit().saturating_sub(self.charge_now())
    }

    /// Makes every refund from here on look at the queue; the queue looks once more after this.
    pub(super) fn set_waiters(&self, waiting: bool) {
        if waiting {
            self.word.fetch_or(WAITERS, AcqRel);
        } else {
            self.word.fetch_and(!WAITERS, AcqRel);
        }
    }

    /// The account with this key, if it is this one or one above it.
    pub(super) fn find(&self, key: AccountKey) -> Option<&Account> {
        self.line().find(|at| at.key() == key)
    }

    /// This account and all above it, up to the pool.
    pub(super) fn line(&self) -> impl Iterator<Item = &Account> {
        // SAFETY: ALIVE: each account keeps its parent.
        std::iter::successors(Some(self), |at| at.parent.map(|parent| unsafe { parent.as_ref() }))
    }

    fn add_handle(&self) {
        if self.word.fetch_add(HANDLE, Relaxed) & HANDLES == HANDLES {
            // 8 million handles to one account: going on would overflow the count and free it under them.
            abort();
        }
    }
}

/// Subtracts from an account's word and ends the account if that was the last of it. Returns the word before.
///
/// # Safety
/// The caller owns what it subtracts, and does not use the account through it afterwards.
#[inline]
unsafe fn give_up(account: NonNull<Account>, share: u64) -> u64 {
    // SAFETY: as the caller says.
    let word = unsafe { subtract(account, share) };
    if word == share {
        // SAFETY: the word is zero: nobody has a share, and nobody can get one.
        unsafe { end(account) };
    }
    word
}

/// Subtracts from an account's word and returns the word before; who gets back what was subtracted must end the account.
///
/// # Safety
/// As [`give_up`].
#[inline]
unsafe fn subtract(account: NonNull<Account>, share: u64) -> u64 {
    // SAFETY: ALIVE, by the share.
    let shared = &unsafe { account.as_ref() }.word;
    let word = shared.fetch_sub(share, Release);
    if word == share {
        // Pairs with the releases of all who had a share. A load, where a fence would do: ThreadSanitizer knows no fences.
        shared.load(Acquire);
    }
    word
}

/// Frees an account and gives up its share of its parent; the pool's own account closes the pool.
///
/// # Safety
/// The account's word is zero.
#[cold]
unsafe fn end(mut account: NonNull<Account>) {
    // A loop, for accounts nest to any depth and the stack does not.
    loop {
        // SAFETY: `new` leaked this box, and a word of zero means that nobody else has the account.
        let key = unsafe { account.as_ref() }.key();
        // SAFETY: as above.
        let is_root = unsafe { account.as_ref() }.is_root();
        if !is_root {
            // SAFETY: as above; the list must forget the account before it is freed.
            unsafe { account.as_ref() }.core.accounts.remove(key);
        }
        // SAFETY: as above.
        let ended = unsafe { Box::from_raw(account.as_ptr()) };
        let Some(parent) = ended.parent else { return ended.core.close() };
        // SAFETY: `child` left this handle to us.
        if unsafe { subtract(parent, HANDLE) } != HANDLE {
            return;
        }
        account = parent;
    }
}

impl AccountKey {
    fn of(account: NonNull<Account>) -> Self {
        Self(account.as_ptr().expose_provenance())
    }

    /// # Safety
    /// The account is alive, and stays so while it is used.
    unsafe fn account<'a>(self) -> &'a Account {
        // SAFETY: the caller says so; the address was exposed by `key`.
        unsafe { &*std::ptr::with_exposed_provenance(self.0) }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("charge", &self.charge_now())
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}
