//! `Charge`: a charge that is not yet that of a block or a reservation.

use std::ptr::NonNull;

use super::{
    AccountKey, Owner,
    account::{AccountHandle, AccountNode},
    refund::refund,
};

/// The account that refused a charge. Requests may wait at the accounts in `woken`, which were
/// charged and refunded on the way.
pub(in crate::pool) struct ChargeRefused {
    pub(in crate::pool) at: AccountKey,
    pub(in crate::pool) left: usize,
    pub(in crate::pool) limit: usize,
    pub(in crate::pool) woken: Vec<AccountKey>,
}

impl<O: Owner> AccountHandle<O> {
    /// Charges `bytes` here and to every account above, or to none. Only the queue sets `in_turn`,
    /// when it serves a waiter. All others stay behind the waiters.
    #[inline]
    pub(in crate::pool) fn charge(
        &self,
        bytes: usize,
        in_turn: bool,
    ) -> Result<Charge<'_, O>, ChargeRefused> {
        match self.charge_below(None, bytes, in_turn) {
            Ok(()) => Ok(Charge { account: self, bytes, credit: None }),
            Err(at) => Err(self.refused(at, bytes)),
        }
    }

    /// As `charge` with `in_turn` unset, without the reason of a refusal. Code that needs the
    /// reason charges again.
    #[inline]
    pub(in crate::pool) fn charge_fast(&self, bytes: usize) -> Option<Charge<'_, O>> {
        match self.charge_below(None, bytes, false) {
            Ok(()) => Some(Charge { account: self, bytes, credit: None }),
            Err(at) => {
                self.serve_refused(at, bytes);
                None
            }
        }
    }

    #[cold]
    fn serve_refused(&self, at: &AccountNode<O>, bytes: usize) {
        self.owner.serve(self.refused(at, bytes).woken);
    }
}

impl<O: Owner> AccountNode<O> {
    /// Refunds what was charged below the account that refused.
    #[cold]
    pub(super) fn refused(&self, at: &AccountNode<O>, bytes: usize) -> ChargeRefused {
        ChargeRefused {
            at: at.key(),
            left: at.room(),
            limit: at.limit(),
            // SAFETY: exactly the accounts below `at` were charged by `charge_below`.
            woken: unsafe { refund(NonNull::from(self), Some(at.key()), bytes) },
        }
    }
}

/// A charge on its way to a block or a reservation. It has no drop: it must arrive or be refunded.
#[must_use = "a charge that is dropped here is never refunded"]
pub(in crate::pool) struct Charge<'a, O: Owner> {
    pub(super) account: &'a AccountHandle<O>,
    pub(super) bytes: usize,
    /// The account whose credit it was drawn from.
    pub(super) credit: Option<&'a AccountNode<O>>,
}

impl<O: Owner> Charge<'_, O> {
    /// Hands the charge over to a block's entry.
    #[inline]
    pub(in crate::pool) fn into_entry(self) -> *mut AccountNode<O> {
        self.account.note_peak(None);
        self.account.as_charge()
    }

    /// Hands the charge over to code that keeps the account.
    pub(in crate::pool) fn held_with(self) -> usize {
        self.account.note_peak(None);
        self.bytes
    }

    pub(in crate::pool) fn account_key(&self) -> AccountKey {
        self.account.key()
    }

    /// Refunds the charge, and returns the accounts at which requests wait.
    pub(in crate::pool) fn refund(self) -> Vec<AccountKey> {
        // SAFETY: this charge was made once, and is consumed here.
        unsafe { refund(self.account.0, None, self.bytes) }
    }
}
