//! `Refusals`: asks for memory that fail on purpose, to see what a program makes of it.

use std::fmt;

use super::{Account, LeaseError};
use crate::pool::engine::{Plan, PlanKey};

/// While it lives, some asks for memory are refused on purpose: for tests of what your code does
/// then.
///
/// Made by [`Account::refuse_nth`] and [`Account::refuse_every`]. An ask is one call or one future
/// that leases or reserves, and asks for more than 0 bytes: what returns at once says
/// [exhausted](LeaseError::is_exhausted), a wait says at its first poll that its [deadline
/// passed](LeaseError::is_deadline_passed). Nothing is charged or waited for then. Those who wait
/// already are not refused.
///
/// # Costs
/// Leases of the account take a lock meanwhile. Nothing is slower while there are none of these.
///
/// # Examples
/// Every ask of an operation fails in turn, until it needs no more:
/// ```
/// use bytes::BufMut;
/// use leasehold::{Account, LeaseError, Pool};
///
/// fn greeting(account: &Account) -> Result<(), LeaseError> {
///     let mut chain = account.try_chain(5000)?;
///     chain.put_slice(b"hello");
///     account.try_lease(100).map(drop)
/// }
///
/// let pool = Pool::new(1 << 20)?;
/// let mut refused = 0;
/// loop {
///     let refusals = pool.refuse_nth(refused);
///     let result = greeting(&pool);
///     assert_eq!(result.is_err(), refusals.count() > 0);
///     assert_eq!(pool.leased(), 0);
///     if result.is_ok() {
///         break;
///     }
///     refused += 1;
/// }
/// assert_eq!(refused, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "refusals that are not kept end at once"]
pub struct Refusals {
    pool: Account,
    key: PlanKey,
}

impl Refusals {
    /// How many asks were refused so far.
    pub fn count(&self) -> usize {
        self.pool.core().refused_by(self.key)
    }
}

impl Account {
    /// Refuses one ask for memory on purpose, while what it returns lives: the `nth` from now on of
    /// this account and those in it; 0 is the next.
    pub fn refuse_nth(&self, nth: usize) -> Refusals {
        self.plan(Plan::nth(nth))
    }

    /// Refuses asks for memory on purpose, while what it returns lives: each `period`th of this
    /// account and those in it; 1 is all of them.
    ///
    /// # Panics
    /// If `period` is 0.
    pub fn refuse_every(&self, period: usize) -> Refusals {
        assert!(period > 0, "every 0th ask is none; a period is at least 1");
        self.plan(Plan::every(period))
    }

    fn plan(&self, plan: Plan) -> Refusals {
        Refusals { pool: self.clone(), key: self.core().plan(self.handle(), plan) }
    }

    /// For those who do not wait; `bytes` are what the ask takes.
    pub(in crate::pool) fn refuse_on_purpose(&self, bytes: usize) -> Result<(), LeaseError> {
        let core = self.core();
        if core.refuses(self.handle(), bytes) {
            return Err(LeaseError::pool_empty(bytes));
        }
        Ok(())
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        self.pool.core().end_plan(self.pool.handle(), self.key);
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals")
            .field("account", &self.pool.name())
            .field("count", &self.count())
            .finish()
    }
}
