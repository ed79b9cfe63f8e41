//! The credit of an account: reserved bytes that its leases are made of.
//!
//! One bit of the word says that leases here may be refused on purpose, so that one load tells the
//! fast path of both.
//!
//! # Invariants
//! - CREDITED: the bytes in `credit` are charged to the account and to all above it, and reserved
//!   in the slab; they are nobody else's. They change under the slab's lock only, at once with what
//!   the slab counts, and so does the number of those who laid them there: what is left when one
//!   goes is refunded, and nothing is put back when all are gone. Whoever adds to a credit asks
//!   under the same lock who waits.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    AccountKey, Owner,
    account::{AccountHandle, AccountNode, WAITERS},
    charge::{Charge, ChargeRefused},
    refund::refund,
};

/// No credit is that large: a budget is at most `isize::MAX`.
const REFUSES: usize = 1 << (usize::BITS - 1);

/// The count of reserved bytes, where the store keeps it. To have it means to have the slab's lock
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
        // Relaxed: who laid the credit and leases from it without a word between them may miss it,
        // and charges as everybody does.
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

    /// The nearest account, from this one on, whose credit is enough for `bytes`.
    pub(in crate::pool) fn crediting(&self, bytes: usize) -> Option<&AccountNode<O>> {
        self.ancestors().find(|at| at.credit() >= bytes)
    }

    /// The credits of this account and of those above it, up to and with the account `key`. Without
    /// the lock, what a lease drew that fails a moment later would be missed.
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

    /// Lays bytes there that are reserved and charged here.
    pub(in crate::pool) fn lay_credit(&self, bytes: usize, _room: &mut impl Room) {
        self.credits.store(self.credits.load(Relaxed) + 1, Relaxed);
        self.credit.store(self.credit.load(Relaxed) + bytes, Relaxed);
    }

    /// Takes `bytes` out of the credit, all or none. They stay charged; what the slab counts is for
    /// the caller to change.
    pub(in crate::pool) fn draw(&self, bytes: usize, _room: &mut impl Room) -> bool {
        let is_enough = self.credit() >= bytes;
        if is_enough {
            self.credit.store(self.credit.load(Relaxed) - bytes, Relaxed);
        }
        is_enough
    }

    /// Puts back what `draw` took, if somebody is left who will end it.
    fn put_back(&self, bytes: usize, _room: &mut impl Room) -> bool {
        let is_open = self.credits.load(Relaxed) > 0;
        if is_open {
            self.credit.store(self.credit.load(Relaxed) + bytes, Relaxed);
        }
        is_open
    }

    /// The accounts from this one on at which somebody waits, for whom what was added to the credit
    /// here may be enough. Each is flagged before the credits are looked at for whoever waits
    /// there, under the same lock, so either side sees the other.
    pub(in crate::pool) fn awaited(&self, _room: &impl Room) -> Vec<AccountKey> {
        self.ancestors()
            .filter(|at| at.word.load(Relaxed) & WAITERS != 0)
            .map(AccountNode::key)
            .collect()
    }

    /// Bytes of the credit.
    pub(in crate::pool) fn credit(&self) -> usize {
        self.credit.load(Relaxed) & !REFUSES
    }
}

impl<O: Owner> AccountHandle<O> {
    /// Ends what one `lay_credit` of so many bytes began: what is left of them is refunded, and
    /// released. Returns the accounts at which somebody waits.
    pub(in crate::pool) fn end_credit(
        &self,
        bytes: usize,
        room: &mut impl Room,
    ) -> Vec<AccountKey> {
        let left = bytes.min(self.credit());
        self.credits.store(self.credits.load(Relaxed) - 1, Relaxed);
        self.credit.store(self.credit.load(Relaxed) - left, Relaxed);
        // SAFETY: the bytes were in the credit until the ancestors above, so they are charged to
        // this account's path, and nobody else's (CREDITED).
        let woken = unsafe { refund(self.0, None, left) };
        // Last: with room in the pool, an account that is charged for it still would seem to be at
        // its limit.
        room.release(left);
        woken
    }

    /// Charges `bytes` here and up to the account that credits them.
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

/// A charge up to the account that is to credit it, and of which nothing was drawn yet. Has no
/// drop: it is drawn for, or refunded.
#[must_use = "a charge that is dropped here is never refunded"]
pub(in crate::pool) struct CreditedCharge<'a, O: Owner> {
    account: &'a AccountHandle<O>,
    credit: &'a AccountNode<O>,
    bytes: usize,
}

impl<'a, O: Owner> CreditedCharge<'a, O> {
    /// Draws the bytes: from here on it is a charge like any other.
    pub(in crate::pool) fn draw(self, room: &mut impl Room) -> Result<Charge<'a, O>, Self> {
        if self.credit.draw(self.bytes, room) {
            Ok(Charge { account: self.account, bytes: self.bytes, credit: Some(self.credit) })
        } else {
            Err(self)
        }
    }

    /// Takes the charge back; returns the accounts at which somebody waits.
    pub(in crate::pool) fn refund(self) -> Vec<AccountKey> {
        // SAFETY: `charge_covered` charged exactly these accounts.
        unsafe { refund(self.account.0, Some(self.credit.key()), self.bytes) }
    }
}

impl<'a, O: Owner> Charge<'a, O> {
    /// Takes the charge of a block back that was not used and is free again: to the credit that it
    /// was drawn from. Returns the accounts at which somebody waits, for room or for the credit.
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
