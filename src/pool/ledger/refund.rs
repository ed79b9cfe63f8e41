//! How a charge is refunded.

use std::ptr::NonNull;

use super::{
    AccountKey, Owner,
    account::{AccountNode, WAITERS, give_up},
};

/// Refunds `bytes` to `account` and all above it, up to and not including `stop`. Returns the
/// accounts at which requests wait.
///
/// # Safety
/// The bytes were charged there, by the same path, and are refunded once.
#[inline]
pub(in crate::pool) unsafe fn refund<O: Owner>(
    account: NonNull<AccountNode<O>>,
    stop: Option<AccountKey>,
    bytes: usize,
) -> Vec<AccountKey> {
    let mut at = account;
    loop {
        // SAFETY: the caller owns the charge of `at` and all above it.
        let (above, is_awaited) = unsafe { refund_one(at, stop, bytes) };
        if is_awaited {
            // SAFETY: as above. `at` has its refund, and the accounts above it follow.
            return unsafe { refund_awaited(at, above, stop, bytes) };
        }
        match above {
            Some(above) => at = above,
            None => return Vec::new(),
        }
    }
}

/// The rest of a refund, from an account on at which requests wait. Lists all accounts like it.
///
/// # Safety
/// As [`refund`], for `above` and all above it. `awaited` has its refund and may be gone.
#[cold]
unsafe fn refund_awaited<O: Owner>(
    awaited: NonNull<AccountNode<O>>,
    mut above: Option<NonNull<AccountNode<O>>>,
    stop: Option<AccountKey>,
    bytes: usize,
) -> Vec<AccountKey> {
    let mut woken = vec![AccountKey::of(awaited)];
    while let Some(at) = above {
        // SAFETY: the caller owns the charge of `at` and all above it.
        let (next, is_awaited) = unsafe { refund_one(at, stop, bytes) };
        if is_awaited {
            woken.push(AccountKey::of(at));
        }
        above = next;
    }
    woken
}

/// Refunds `bytes` to one account, unless it is `stop` or the pool's. Returns the account to refund
/// next, and whether a request waits here.
///
/// # Safety
/// The bytes were charged here and above, and are refunded here once. The account may be freed by
/// this.
#[inline]
unsafe fn refund_one<O: Owner>(
    account: NonNull<AccountNode<O>>,
    stop: Option<AccountKey>,
    bytes: usize,
) -> (Option<NonNull<AccountNode<O>>>, bool) {
    if Some(AccountKey::of(account)) == stop {
        return (None, false);
    }
    // SAFETY: ALIVE, by the charge that is refunded below.
    let Some(parent) = unsafe { account.as_ref() }.parent else { return (None, false) };
    // SAFETY: ALIVE: until the charge is given up, the account keeps its parent.
    let parent_is_root = unsafe { parent.as_ref() }.is_root();
    // SAFETY: the charge is part of the word and given up once.
    let word = unsafe { give_up(account, bytes as u64) };
    // The pool's own account is not charged, so from here on this refund keeps it no longer.
    ((!parent_is_root).then_some(parent), word & WAITERS != 0)
}
