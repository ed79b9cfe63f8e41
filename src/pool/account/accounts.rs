//! All live accounts of a pool.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
};

use super::AccountKey;
use crate::{pool::stats::AccountStats, sync::Mutex};

/// The live accounts of a pool, for its statistics.
pub(in crate::pool) struct Accounts(Mutex<HashSet<AccountKey, BuildHasherDefault<AddressHasher>>>);

impl Accounts {
    pub(in crate::pool) fn new() -> Self {
        Self(Mutex::new(HashSet::default()))
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

/// Hashes an address by one multiplication (Knuth, The Art of Computer Programming, 6.4): nobody outside chooses where an account lies, and
/// the default hasher's guard against that costs more than all else of opening an account.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write_usize(&mut self, address: usize) {
        // The table takes the low bits of the hash and the highest ones; those of the product are mixed best above.
        self.0 = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is one address");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
