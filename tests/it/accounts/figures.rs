//! Peaks and statistics.

use leasehold::{Account, BlockMut};

use super::KIB;
use crate::support::pools::pools;

#[test]
fn the_peak_of_an_account_is_what_it_really_held_at_most() {
    for pool in pools([KIB, 4 * KIB], 128 * KIB) {
        let outer = pool.account("outer", 8 * KIB);
        let inner = outer.account("inner", 16 * KIB);
        let block = inner.try_lease(KIB).expect("free");
        drop(inner.try_lease(4 * KIB).expect("free"));
        drop(block);
        assert_eq!((inner.peak(), outer.peak(), inner.leased()), (5 * KIB, 5 * KIB, 0));
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_refused_lease_does_not_raise_the_peak() {
    for pool in pools([KIB, 4 * KIB], 8 * KIB) {
        let outer = pool.account("outer", KIB);
        let inner = outer.account("inner", 16 * KIB);
        assert!(inner.try_lease(4 * KIB).is_err());
        assert_eq!((inner.peak(), outer.peak()), (0, 0), "refused above");
        let all: Vec<BlockMut> = (0..2).map(|_| pool.try_lease(4 * KIB).expect("free")).collect();
        assert!(outer.try_lease(KIB).expect_err("all is out").is_exhausted());
        assert_eq!(outer.peak(), 0, "nothing was free");
        drop(all);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn statistics_name_the_largest_accounts_first() {
    for pool in pools([KIB], 64 * KIB) {
        let accounts: Vec<Account> =
            (0..10).map(|index| pool.account(format!("account {index}"), 32 * KIB)).collect();
        let mut blocks = Vec::new();
        for (index, account) in accounts.iter().enumerate() {
            blocks.extend((0..index).map(|_| account.try_lease(1).expect("free")));
        }
        let largest = pool.stats().accounts;
        assert_eq!(largest.len(), leasehold::Stats::LARGEST_ACCOUNTS);
        assert_eq!(
            (largest[0].name.as_str(), largest[0].leased, largest[0].limit, largest[0].peak),
            ("account 9", 9 * KIB, 32 * KIB, 9 * KIB)
        );
        assert!(largest.is_sorted_by(|a, b| a.leased >= b.leased));
        drop(blocks);
        assert_eq!(pool.leased(), 0);
    }
}
