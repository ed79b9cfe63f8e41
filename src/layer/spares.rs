//! `Spares`: the accounts of requests that are over, for those to come.
//!
//! Opening an account and ending it costs more than all else that the layer does for a small
//! request.
//!
//! # Invariants
//! - UNUSED: a spare account has one handle, which is here; nothing is charged to it, and it has no
//!   peak.

use crate::{pool::Account, sync::TryLock};

/// As many as small requests are in flight at once in a busy server; of 120 bytes each.
const SPARES_MAX: usize = 64;

pub(super) struct Spares(TryLock<Vec<Account>>);

impl Spares {
    pub(super) fn new() -> Self {
        Self(TryLock::new(Vec::new()))
    }

    /// An account, if there is one and nobody else is looking.
    pub(super) fn take(&self) -> Option<Account> {
        self.0.try_lock()?.pop()
    }

    /// Keeps an account that nobody uses any more.
    pub(super) fn put(&self, mut account: Account) {
        if !account.is_unused() {
            return;
        }
        account.forget_peak();
        if let Some(mut spares) = self.0.try_lock()
            && spares.len() < SPARES_MAX
        {
            spares.push(account);
        }
    }
}
