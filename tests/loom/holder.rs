//! `Holder`: tells when two hold what is there once.

use bytes::BufMut;
use leasehold::Account;
use loom::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use crate::LEN;

/// Says who holds the one block that is free, and fails if two do.
#[derive(Clone)]
pub(crate) struct Holder(Arc<AtomicBool>);

impl Holder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Leases a block and gives it back; returns whether there was one.
    pub(crate) fn lease_and_return(&self, account: &Account) -> bool {
        let Ok(mut block) = account.try_lease(LEN) else { return false };
        assert!(!self.0.swap(true, Relaxed), "two hold one block");
        block.put_u8(1);
        assert!(self.0.swap(false, Relaxed));
        drop(block);
        true
    }

    /// Reserves the room of that block and gives it back; returns whether there was any.
    pub(crate) fn reserve_and_release(&self, account: &Account) -> bool {
        let Ok(reserved) = account.try_reserve(LEN) else { return false };
        assert!(!self.0.swap(true, Relaxed), "two hold one room");
        assert!(self.0.swap(false, Relaxed));
        drop(reserved);
        true
    }
}
