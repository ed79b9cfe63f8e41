//! `MovingCharge`: a charge on its way from one account to another.

use std::ptr::NonNull;

use super::{
    AccountKey, Owner,
    account::{AccountHandle, AccountNode},
    charge::ChargeRefused,
    refund::refund,
};

/// The charge of one block that is made at the new account and not yet refunded at the old one.
/// Until then the move can be undone and cannot fail. Only the accounts that the two do not share
/// change.
#[must_use = "a charge that is dropped here stays on both accounts"]
pub(in crate::pool) struct MovingCharge<'a, O: Owner> {
    /// Null for the pool's own account.
    from: *mut AccountNode<O>,
    to: &'a AccountHandle<O>,
    /// The first account above both.
    stop: Option<AccountKey>,
    bytes: usize,
}

impl<'a, O: Owner> MovingCharge<'a, O> {
    /// Charges the new account.
    ///
    /// # Safety
    /// `from` is charged `bytes`, and the caller keeps it so until the move is finished or undone.
    pub(in crate::pool) unsafe fn begin(
        from: *mut AccountNode<O>,
        to: &'a AccountHandle<O>,
        bytes: usize,
    ) -> Result<Self, ChargeRefused> {
        // SAFETY: ALIVE, by the charge.
        let ancestors = NonNull::new(from).map(|from| unsafe { from.as_ref() }.ancestors());
        let shared = ancestors.and_then(|mut ancestors| {
            ancestors.find(|at| to.ancestors().any(|other| other.key() == at.key()))
        });
        let stop = shared.map(AccountNode::key);
        match to.charge_below(stop, bytes, false) {
            Ok(()) => Ok(Self { from, to, stop, bytes }),
            Err(at) => Err(to.refused(at, bytes)),
        }
    }

    /// Refunds the old account, and returns the accounts at which requests wait.
    pub(in crate::pool) fn finish(self) -> Vec<AccountKey> {
        self.to.note_peak(self.stop);
        // SAFETY: the bytes are charged to `from` and all above it, as the caller of `begin`
        // promised, and this refunds them once.
        NonNull::new(self.from)
            .map_or_else(Vec::new, |from| unsafe { refund(from, self.stop, self.bytes) })
    }

    /// Refunds the new account, and returns the accounts at which requests wait.
    pub(in crate::pool) fn undo(self) -> Vec<AccountKey> {
        // SAFETY: `begin` charged exactly these accounts.
        unsafe { refund(self.to.0, self.stop, self.bytes) }
    }

    /// The old account. It stays charged until the move is finished.
    pub(in crate::pool) fn from(&self) -> *mut AccountNode<O> {
        self.from
    }
}
