//! Accounts that are used again, for modules that open one for each piece of work.

use super::{Account, Credit};

impl Account {
    /// Whether this is the only handle to the account, and nothing is charged to it.
    pub(crate) fn is_unused(&self) -> bool {
        self.handle().is_unused()
    }

    /// Resets the peak of an account that has no other handle.
    pub(crate) fn forget_peak(&mut self) {
        self.handle().forget_peak();
    }
}

impl Credit {
    /// Gives back the bytes that were not drawn, and returns the account.
    pub(crate) fn end(mut self) -> Option<Account> {
        self.give_back();
        self.laid.take().map(|laid| Account::of(laid.into_account()))
    }
}
