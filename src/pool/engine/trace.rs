//! The events of a pool for `tracing`. They are never sent on the fast path, under a lock or with a
//! raw block in hand.

pub(in crate::pool) use self::events::{Warned, given_back, over_limit, short, taken};

#[cfg(feature = "tracing")]
mod events {
    use std::{
        fmt::Display,
        sync::{OnceLock, atomic::Ordering::Relaxed},
        time::{Duration, Instant},
    };

    use tracing::{debug, trace, warn};

    use crate::{
        pool::ledger::{Accounts, Owner},
        sync::AtomicU64,
    };

    /// A pool under pressure refuses thousands of times a second, and one warning tells as much.
    const WARN_PERIOD: Duration = Duration::from_secs(1);
    /// How many of the largest accounts a warning names.
    const NAMED: usize = 3;

    /// The time of the last warning about refusals.
    #[derive(Default)]
    pub(in crate::pool) struct Warned {
        start: OnceLock<Instant>,
        /// Milliseconds after `start` until which no warning is sent.
        quiet_until: AtomicU64,
        /// The number of refusals without a warning.
        left_out: AtomicU64,
    }

    impl Warned {
        /// The number of refusals that were left out since the last warning, if the next one is
        /// due.
        fn now(&self) -> Option<u64> {
            // One more than the time, so that the first refusal is reported.
            let now = 1 + self.start.get_or_init(Instant::now).elapsed().as_millis() as u64;
            let quiet_until = self.quiet_until.load(Relaxed);
            let next = now + WARN_PERIOD.as_millis() as u64;
            let is_time = now > quiet_until
                && self.quiet_until.compare_exchange(quiet_until, next, Relaxed, Relaxed).is_ok();
            if is_time {
                return Some(self.left_out.swap(0, Relaxed));
            }
            self.left_out.fetch_add(1, Relaxed);
            None
        }
    }

    /// A lease was refused at a limit.
    pub(in crate::pool) fn over_limit(account: &str, error: &dyn Display) {
        debug!(account, %error, "lease refused");
    }

    /// A lease was refused because the pool is short of memory, or because its wait took too long.
    pub(in crate::pool) fn short<O: Owner>(
        warned: &Warned,
        accounts: &Accounts<O>,
        account: &str,
        error: &dyn Display,
    ) {
        if let Some(left_out) = warned.now() {
            let largest = accounts.largest(NAMED);
            let largest: Vec<String> = largest
                .into_iter()
                .map(|account| format!("{}: {} bytes", account.name, account.charge))
                .collect();
            warn!(account, %error, left_out, largest = %largest.join(", "), "lease refused");
        }
    }

    /// More is leased than ever before.
    pub(in crate::pool) fn taken(leased: usize) {
        trace!(leased, "more memory is leased than before");
    }

    /// Free memory went back to the system.
    pub(in crate::pool) fn given_back(bytes: usize) {
        if bytes > 0 {
            trace!(bytes, "free memory given back");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod events {
    use std::fmt::Display;

    use crate::pool::ledger::Accounts;

    #[derive(Default)]
    pub(in crate::pool) struct Warned;

    pub(in crate::pool) fn short<O>(
        _: &Warned,
        _: &Accounts<O>,
        _account: &str,
        _error: &dyn Display,
    ) {
    }

    pub(in crate::pool) fn over_limit(_account: &str, _error: &dyn Display) {}

    pub(in crate::pool) fn taken(_leased: usize) {}

    pub(in crate::pool) fn given_back(_bytes: usize) {}
}
