//! `WaitingHeads`: the room of whole heads that wait for hyper's room.
//!
//! # Invariants
//! - BEFOREHAND: heads that wait take their memory from a part of the budget that was set aside
//!   before any of them came. So a wait needs nothing of a full pool, and that part bounds how many
//!   heads wait at once.

use std::sync::{
    Arc,
    atomic::Ordering::{AcqRel, Relaxed},
};

use crate::{
    pool::{Account, SetAside},
    sync::AtomicUsize,
};

/// Heads that wait get this fraction (1/n) of the budget, and at most [`LEN_MAX`].
const SHARE: usize = 16;

/// Room for 8,000 requests of a browser. A longer line would only let more heads reach their
/// deadline.
const LEN_MAX: usize = 8 << 20;

/// What a waiting head holds beside its bytes: a place in the pool's queue, and a timer.
const PLACE_LEN: usize = 512;

#[derive(Debug)]
pub(super) struct WaitingHeads {
    left: AtomicUsize,
    _aside: SetAside,
}

impl WaitingHeads {
    /// Sets a part of the budget aside.
    pub(super) fn new(account: &Account) -> Arc<Self> {
        let len = (account.limit().min(account.budget_of_pool()) / SHARE).min(LEN_MAX);
        Arc::new(Self { left: AtomicUsize::new(len), _aside: account.set_aside(len) })
    }

    /// Gives a place to a head that holds `len` bytes, or none if too many wait (BEFOREHAND).
    pub(super) fn enter(self: &Arc<Self>, len: usize) -> Option<WaitingHead> {
        let len = len + PLACE_LEN;
        let taken = self.left.fetch_update(AcqRel, Relaxed, |left| left.checked_sub(len));
        taken.is_ok().then(|| WaitingHead { line: Arc::clone(self), len })
    }
}

/// A place in the line.
#[derive(Debug)]
pub(super) struct WaitingHead {
    line: Arc<WaitingHeads>,
    len: usize,
}

impl Drop for WaitingHead {
    fn drop(&mut self) {
        self.line.left.fetch_add(self.len, AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Pool;

    #[test]
    fn as_many_wait_as_have_room_and_the_pool_keeps_it_for_them() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let line = WaitingHeads::new(&pool);
        let held: Vec<_> = std::iter::from_fn(|| pool.try_lease(64 << 10).ok()).collect();
        assert_eq!(held.len(), 15);
        let places: Vec<_> = std::iter::from_fn(|| line.enter(512)).collect();
        assert_eq!(places.len(), 64);
        drop(places);
        let place = line.enter(60_000).expect("they gave it back");
        assert!(line.enter(60_000).is_none());
        drop((place, held, line));
        assert_eq!(pool.leased(), 0);
        assert!(pool.try_reserve(256 << 10).is_ok());
        assert_eq!(
            std::iter::from_fn(|| pool.try_lease(64 << 10).ok()).collect::<Vec<_>>().len(),
            16
        );
    }
}
