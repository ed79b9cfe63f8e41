//! All live accounts of a pool.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
    marker::PhantomData,
};

use super::{AccountKey, Owner, account::AccountNode};
use crate::sync::Mutex;

/// The live accounts of a pool, for its statistics.
pub(in crate::pool) struct Accounts<O> {
    keys: Mutex<HashSet<AccountKey, BuildHasherDefault<AddressHasher>>>,
    of: PhantomData<fn() -> O>,
}

/// The figures of one account.
pub(in crate::pool) struct AccountCount {
    pub(in crate::pool) name: String,
    pub(in crate::pool) charge: usize,
    pub(in crate::pool) limit: usize,
    pub(in crate::pool) peak: usize,
}

impl<O: Owner> Accounts<O> {
    pub(in crate::pool) fn new() -> Self {
        Self { keys: Mutex::new(HashSet::default()), of: PhantomData }
    }

    #[inline]
    pub(in crate::pool) fn insert(&self, account: &AccountNode<O>) {
        self.keys.lock().insert(account.key());
    }

    #[inline]
    pub(in crate::pool) fn remove(&self, account: &AccountNode<O>) {
        self.keys.lock().remove(&account.key());
    }

    /// The accounts with the largest charge, largest first.
    pub(in crate::pool) fn largest(&self, count: usize) -> Vec<AccountCount> {
        let accounts = self.keys.lock();
        let mut charges: Vec<(usize, AccountKey)> = accounts
            .iter()
            // SAFETY: an account leaves the list, under its lock, before it is freed.
            .map(|&key| (unsafe { &*key.as_ptr::<AccountNode<O>>() }.charge_now(), key))
            .filter(|&(charge, _)| charge > 0)
            .collect();
        charges.sort_unstable_by(|a, b| b.cmp(a));
        charges.truncate(count);
        let counts = charges.into_iter().map(|(charge, key)| {
            // SAFETY: as above; the lock is still held.
            let account = unsafe { &*key.as_ptr::<AccountNode<O>>() };
            AccountCount {
                name: account.name().to_owned(),
                charge,
                limit: account.limit(),
                peak: account.peak(),
            }
        });
        counts.collect()
    }
}

/// Hashes an address by one multiplication (Knuth, The Art of Computer Programming, 6.4). No
/// attacker chooses where an account lies, and the default hasher's defence against that costs more
/// than all the rest of opening an account.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write_usize(&mut self, address: usize) {
        // The table uses the low bits of the hash and the highest ones. The high bits of the
        // product are mixed best.
        self.0 = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is one address");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
