//! `AccountKey`: tells accounts apart.

use std::ptr::NonNull;

/// Identifies an account in queues and lists: its address, which is never followed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::pool) struct AccountKey(usize);

impl AccountKey {
    #[inline]
    pub(super) fn of<T>(account: NonNull<T>) -> Self {
        Self(account.as_ptr().expose_provenance())
    }

    /// The address as a pointer. It may be followed only while the account is known to be alive.
    pub(super) fn as_ptr<T>(self) -> *const T {
        std::ptr::with_exposed_provenance(self.0)
    }
}
