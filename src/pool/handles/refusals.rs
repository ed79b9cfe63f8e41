//! `Refusals`: requests for memory that fail on purpose, for tests.

use std::fmt;

use super::{Account, LeaseError};
use crate::pool::engine::{Plan, PlanKey};

/// Refuses some requests for memory on purpose while it lives, to test what your code does then.
///
/// It is made by [`Account::refuse_nth`] or [`Account::refuse_every`]. A request is one call or one
/// future that leases or reserves more than 0 bytes. A call that returns at once fails as
/// [exhausted](LeaseError::is_exhausted). A wait fails at its first poll, as if its [deadline had
/// passed](LeaseError::is_deadline_passed). Nothing is charged then. Requests that wait already are
/// not refused.
///
/// # Costs
/// Leases of the account take a lock while it lives. If there is none, nothing is slower.
///
/// # Examples
/// Each request of an operation fails in turn, until no request is left to fail:
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
    /// The number of requests that were refused so far.
    pub fn count(&self) -> usize {
        self.pool.core().refused_by(self.key)
    }
}

impl Account {
    /// Refuses one request of this account or of an account in it, while the returned value lives:
    /// the `nth` from now on. 0 is the next one.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let refusals = pool.refuse_nth(1);
    /// assert!(pool.try_lease(100).is_ok());
    /// assert!(pool.try_lease(100).is_err_and(|error| error.is_exhausted()));
    /// assert!(pool.try_lease(100).is_ok());
    /// assert_eq!(refusals.count(), 1);
    /// # Ok::<(), leasehold::BuildError>(())
    /// ```
    pub fn refuse_nth(&self, nth: usize) -> Refusals {
        self.plan(Plan::nth(nth))
    }

    /// Refuses each `period`th request of this account and of the accounts in it, while the
    /// returned value lives. 1 refuses all of them.
    ///
    /// # Panics
    /// If `period` is 0.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(4 << 20)?;
    /// let refusals = pool.refuse_every(1);
    /// assert!(pool.try_lease(100).is_err() && pool.try_chain(100).is_err());
    /// drop(refusals);
    /// assert!(pool.try_lease(100).is_ok());
    /// # Ok::<(), leasehold::BuildError>(())
    /// ```
    pub fn refuse_every(&self, period: usize) -> Refusals {
        assert!(period > 0, "every 0th ask is none; a period is at least 1");
        self.plan(Plan::every(period))
    }

    fn plan(&self, plan: Plan) -> Refusals {
        Refusals { pool: self.clone(), key: self.core().plan(self.handle(), plan) }
    }

    /// For requests that do not wait. `bytes` is what the request takes.
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
