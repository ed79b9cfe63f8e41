//! What a pool says by `tracing`: never on the fast path, never under a lock, never with a block in hand.

use std::{
    sync::{OnceLock, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tracing::{debug, trace, warn};

use super::{account::Accounts, error::LeaseError};
use crate::sync::AtomicU64;

/// A pool under pressure refuses thousands of times a second; one warning tells as much.
const WARN_PERIOD: Duration = Duration::from_secs(1);
/// The largest accounts that a warning names.
const NAMED: usize = 3;

/// When refusals were last warned of.
#[derive(Default)]
pub(super) struct Warned {
    start: OnceLock<Instant>,
    /// Milliseconds after `start` until which nothing is said.
    quiet_until: AtomicU64,
    /// Refusals that were not said.
    left_out: AtomicU64,
}

impl Warned {
    /// How many refusals were left out since the last warning, if it is time for one.
    fn now(&self) -> Option<u64> {
        // From one on, so that the first refusal is told.
        let now = 1 + self.start.get_or_init(Instant::now).elapsed().as_millis() as u64;
        let quiet_until = self.quiet_until.load(Relaxed);
        let next = now + WARN_PERIOD.as_millis() as u64;
        let is_time =
            now > quiet_until && self.quiet_until.compare_exchange(quiet_until, next, Relaxed, Relaxed).is_ok();
        if is_time {
            return Some(self.left_out.swap(0, Relaxed));
        }
        self.left_out.fetch_add(1, Relaxed);
        None
    }
}

/// A lease was refused.
pub(super) fn refused(warned: &Warned, accounts: &Accounts, account: &str, error: &LeaseError) {
    if !error.is_exhausted() && !error.is_deadline_passed() {
        debug!(account, %error, "lease refused");
        return;
    }
    if let Some(left_out) = warned.now() {
        let largest = accounts.largest(NAMED);
        let largest: Vec<String> =
            largest.into_iter().map(|account| format!("{}: {} bytes", account.name, account.leased)).collect();
        warn!(account, %error, left_out, largest = %largest.join(", "), "lease refused");
    }
}

/// More is leased than ever before.
pub(super) fn taken(leased: usize) {
    trace!(leased, "more memory is leased than before");
}

/// Free memory went back to the system.
pub(super) fn given_back(bytes: usize) {
    if bytes > 0 {
        trace!(bytes, "free memory given back");
    }
}
