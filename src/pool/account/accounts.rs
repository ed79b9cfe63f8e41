//! All live accounts of a pool.

use std::collections::HashSet;

use super::AccountKey;
use crate::{pool::stats::AccountStats, sync::Mutex};

/// The live accounts of a pool, for its statistics.
pub(in crate::pool) struct Accounts(Mutex<HashSet<AccountKey>>);

impl Accounts {
    pub(in crate::pool) fn new() -> Self {
        Self(Mutex::new(HashSet::new()))
    }

    pub(super) fn insert(&self, key: AccountKey) {
        self.0.lock().insert(key);
    }

    pub(super) fn remove(&self, key: AccountKey) {
        self.0.lock().remove(&key);
    }

    /// The accounts with the largest charge: name, charge, limit, peak.
    pub(in crate::pool) fn largest(&self, count: usize) -> Vec<AccountStats> {
        let accounts = self.0.lock();
        let mut charges: Vec<(usize, AccountKey)> = accounts
            .iter()
            // SAFETY: an account leaves the list, under its lock, before it is freed.
            .map(|&key| (unsafe { key.account() }.charge_now(), key))
            .filter(|&(charge, _)| charge > 0)
            .collect();
        charges.sort_unstable_by(|a, b| b.cmp(a));
        charges.truncate(count);
        let stats = charges.into_iter().map(|(leased, key)| {
            // SAFETY: as above, the lock is still held.
            let account = unsafe { key.account() };
            AccountStats { name: account.name().to_owned(), leased, limit: account.limit(), peak: account.peak() }
        });
        stats.collect()
    }
}
