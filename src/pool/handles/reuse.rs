//! Accounts that are used again: for rooms that open one for each piece of work.

use super::{Cover, Pool};

impl Pool {
    /// Whether nobody else has a handle to this account, and nothing is charged to it.
    pub(crate) fn is_unused(&self) -> bool {
        self.account().is_unused()
    }

    /// Begins anew to remember the most that was charged to an account that nobody else has.
    pub(crate) fn forget_peak(&mut self) {
        self.account().forget_peak();
    }
}

impl Cover {
    /// Gives back what was not drawn; returns the account.
    pub(crate) fn end(mut self) -> Option<Pool> {
        self.give_back();
        self.laid.take().map(|laid| Pool::of(laid.into_account()))
    }
}
