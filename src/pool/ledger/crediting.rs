//! The credit of an account: reserved bytes that its leases draw on.
//!
//! One bit of the word says that leases here may be refused on purpose, so that the fast path
//! learns both with one load.
//!
//! # Invariants
//! - CREDITED: the bytes in `credit` are charged to the account and to all above it, reserved in
//!   the slab, and used for nothing else. They change under the slab's lock only, together with
//!   what the slab counts. So does the number of open credits. When a credit ends, the bytes that
//!   it has left are refunded; when all have ended, nothing is put back. Code that adds to a credit
//!   looks for waiters under the same lock.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    AccountKey, Owner,
    account::{AccountHandle, AccountNode, WAITERS},
    charge::{Charge, ChargeRefused},
    refund::refund,
};

/// No credit is this large: a budget is at most `isize::MAX`.
const REFUSES: usize = 1 << (usize::BITS - 1);

/// The count of reserved bytes, as the store keeps it. To have it means to have the slab's lock
/// (CREDITED).
pub(in crate::pool) trait Room {
    /// Gives reserved bytes back.
    fn release(&mut self, bytes: usize);

    /// Reserves bytes again that were given back under the same lock.
    fn reserve_again(&mut self, bytes: usize);
}

impl<O: Owner> AccountNode<O> {
    /// Whether leases here may be credited, or refused on purpose.
    #[inline]
    pub(in crate::pool) fn is_special(&self) -> bool {
        // Relaxed: a thread that does not synchronise with the one that made the credit may miss
        // it, and then charges as usual.
        self.ancestors().any(|at| at.credit.load(Relaxed) > 0)
    }

    /// Whether leases here may be refused on purpose.
    pub(in crate::pool) fn refuses(&self) -> bool {
        self.ancestors().any(|at| at.credit.load(Relaxed) & REFUSES != 0)
    }

    pub(in crate::pool) fn set_refuses(&self, refuses: bool, _room: &mut impl Room) {
        let bit = if refuses { REFUSES } else { 0 };
        self.credit.store(self.credit() | bit, Relaxed);
    }

    /// The nearest account, from this one upward, whose credit has `bytes`.
    pub(in crate::pool) fn crediting(&self, bytes: usize) -> Option<&AccountNode<O>> {
        self.ancestors().find(|at| at.credit() >= bytes)
    }

    /// The credits of this account and of those above it, up to and including the account `key`.
    /// Without the lock this would miss bytes that were drawn for a lease which fails a moment
    /// later.
    pub(in crate::pool) fn covers_up_to(
        &self,
        key: AccountKey,
        _room: &impl Room,
    ) -> impl Iterator<Item = usize> {
        let mut is_past = false;
        let ancestors = self
            .ancestors()
            .take_while(move |at| !std::mem::replace(&mut is_past, at.key() == key));
        ancestors.map(AccountNode::credit)
    }

    /// Adds bytes to the credit that are reserved, and charged here.
    pub(in crate::pool) fn lay_credit(&self, bytes: usize, _room: &mut impl Room) {
        self.credits.store(self.credits.load(Relaxed) + 1, Relaxed);
        self.credit.store(self.credit.load(Relaxed) + bytes, Relaxed);
    }

    /// Takes `bytes` out of the credit, all or none. They stay charged. The caller changes what the
    /// slab counts.
    pub(in crate::pool) fn draw(&self, bytes: usize, _room: &mut impl Room) -> bool {
        let is_enough = self.credit() >= bytes;
        if is_enough {
            self.credit.store(self.credit.load(Relaxed) - bytes, Relaxed);
        }
        is_enough
    }

    /// Puts back what `draw` took, if a credit is still open to end it.
    fn put_back(&self, bytes: usize, _room: &mut impl Room) -> bool {
        let is_open = self.credits.load(Relaxed) > 0;
        if is_open {
            self.credit.store(self.credit.load(Relaxed) + bytes, Relaxed);
        }
        is_open
    }

    /// The accounts, from this one upward, at which requests wait: the bytes that were added to the
    /// credit here may be enough for them. Each account is flagged before the credits are looked at
    /// for its waiters, under the same lock, so one of the two sides sees the other.
    pub(in crate::pool) fn awaited(&self, _room: &impl Room) -> Vec<AccountKey> {
        self.ancestors()
            .filter(|at| at.word.load(Relaxed) & WAITERS != 0)
            .map(AccountNode::key)
            .collect()
    }

    /// The number of bytes in the credit.
    pub(in crate::pool) fn credit(&self) -> usize {
        self.credit.load(Relaxed) & !REFUSES
    }
}

impl<O: Owner> AccountHandle<O> {
    /// Ends one `lay_credit` of `bytes`. What is left of them is refunded and released. Returns the
    /// accounts at which requests wait.
    pub(in crate::pool) fn end_credit(
        &self,
        bytes: usize,
        room: &mut impl Room,
    ) -> Vec<AccountKey> {
        let left = bytes.min(self.credit());
        self.credits.store(self.credits.load(Relaxed) - 1, Relaxed);
        self.credit.store(self.credit.load(Relaxed) - left, Relaxed);
        // SAFETY: the bytes were in the credit until the statement above, so they are charged to
        // this account's path and to nothing else (CREDITED).
        let woken = unsafe { refund(self.0, None, left) };
        // Last: if the pool had room first, an account that is still charged for it would seem to
        // be at its limit.
        room.release(left);
        woken
    }

    /// Charges `bytes` here and up to the account whose credit has them.
    pub(in crate::pool) fn charge_covered<'a>(
        &'a self,
        credit: &'a AccountNode<O>,
        bytes: usize,
        in_turn: bool,
    ) -> Result<CreditedCharge<'a, O>, ChargeRefused> {
        match self.charge_below(Some(credit.key()), bytes, in_turn) {
            Ok(()) => Ok(CreditedCharge { account: self, credit, bytes }),
            Err(at) => Err(self.refused(at, bytes)),
        }
    }
}

/// A charge up to the account whose credit it is to draw on. Nothing was drawn yet. It has no drop:
/// it must draw, or be refunded.
#[must_use = "a charge that is dropped here is never refunded"]
pub(in crate::pool) struct CreditedCharge<'a, O: Owner> {
    account: &'a AccountHandle<O>,
    credit: &'a AccountNode<O>,
    bytes: usize,
}

impl<'a, O: Owner> CreditedCharge<'a, O> {
    /// Draws the bytes. From then on it is a charge like any other.
    pub(in crate::pool) fn draw(self, room: &mut impl Room) -> Result<Charge<'a, O>, Self> {
        if self.credit.draw(self.bytes, room) {
            Ok(Charge { account: self.account, bytes: self.bytes, credit: Some(self.credit) })
        } else {
            Err(self)
        }
    }

    /// Refunds the charge, and returns the accounts at which requests wait.
    pub(in crate::pool) fn refund(self) -> Vec<AccountKey> {
        // SAFETY: `charge_covered` charged exactly these accounts.
        unsafe { refund(self.account.0, Some(self.credit.key()), self.bytes) }
    }
}

impl<'a, O: Owner> Charge<'a, O> {
    /// Takes back the charge of a block that was not used and is free again: into the credit that
    /// it was drawn from, if there is one. Returns the accounts at which requests wait, for room or
    /// for the credit.
    pub(in crate::pool) fn undo(self, room: &mut impl Room) -> Vec<AccountKey> {
        match self.undraw(room) {
            Ok(credited) => {
                let mut woken = credited.credit.awaited(room);
                woken.extend(credited.refund());
                woken
            }
            Err(charge) => charge.refund(),
        }
    }

    /// Puts the bytes back into the credit they were drawn from, unless it has ended.
    pub(in crate::pool) fn undraw(
        self,
        room: &mut impl Room,
    ) -> Result<CreditedCharge<'a, O>, Self> {
        let Self { account, bytes, credit } = self;
        match credit.filter(|credit| credit.put_back(bytes, room)) {
            Some(credit) => {
                room.reserve_again(bytes);
                Ok(CreditedCharge { account, credit, bytes })
            }
            None => Err(self),
        }
    }
}
