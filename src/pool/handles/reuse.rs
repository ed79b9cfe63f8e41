//! Accounts that are used again: for rooms that open one for each piece of work.

use super::{Account, Credit};

impl Account {
    /// Whether nobody else has a handle to this account, and nothing is charged to it.
    pub(crate) fn is_unused(&self) -> bool {
        self.handle().is_unused()
    }

    /// Begins anew to remember the most that was charged to an account that nobody else has.
    pub(crate) fn forget_peak(&mut self) {
        self.handle().forget_peak();
    }
}

impl Credit {
    /// Gives back what was not drawn; returns the account.
    pub(crate) fn end(mut self) -> Option<Account> {
        self.give_back();
        self.laid.take().map(|laid| Account::of(laid.into_account()))
    }
}
