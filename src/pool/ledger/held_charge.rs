//! `HeldCharge`: a charge without a block.

use super::{AccountKey, Owner, account::AccountHandle, charge::Charge, refund::refund};

/// Bytes that are charged to an account until they are refunded, or joined to another charge. It
/// has no drop.
#[must_use = "a charge that is dropped here is never refunded"]
pub(in crate::pool) struct HeldCharge<O: Owner> {
    account: AccountHandle<O>,
    bytes: usize,
}

impl<O: Owner> HeldCharge<O> {
    /// No bytes, of an account that may be charged later.
    pub(in crate::pool) fn nothing(account: &AccountHandle<O>) -> Self {
        Self { account: account.clone(), bytes: 0 }
    }

    /// Bytes that were charged to this account, and that this value holds from now on.
    pub(in crate::pool) fn of(account: AccountHandle<O>, bytes: usize) -> Self {
        Self { account, bytes }
    }

    /// Refunds `bytes` of the charge, and returns the accounts at which requests wait.
    ///
    /// # Panics
    /// If fewer bytes are charged.
    pub(in crate::pool) fn refund(&mut self, bytes: usize) -> Vec<AccountKey> {
        assert!(bytes <= self.bytes, "a refund of {bytes} of {} bytes", self.bytes);
        self.bytes -= bytes;
        // SAFETY: `bytes` were part of this charge until the statement above, so they were charged
        // once, by this account's path (EXACT).
        unsafe { refund(self.account.0, None, bytes) }
    }

    /// Adds another charge of the same account to this one.
    pub(in crate::pool) fn join(&mut self, other: HeldCharge<O>) {
        assert_eq!(
            self.account.key(),
            other.account.key(),
            "a charge is refunded where it was charged"
        );
        self.bytes += other.bytes;
    }

    pub(in crate::pool) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::pool) fn account(&self) -> &AccountHandle<O> {
        &self.account
    }
}

impl<O: Owner> Charge<'_, O> {
    /// Hands the charge over to code that has no block.
    pub(in crate::pool) fn stand(self) -> HeldCharge<O> {
        self.account.note_peak(None);
        HeldCharge { account: self.account.clone(), bytes: self.bytes }
    }
}
