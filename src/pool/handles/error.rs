//! Why a lease was refused.

use std::{fmt, io, time::Duration};

use crate::pool::engine::Unmoved;

/// The error of every lease and reservation. It says which limit refused it, and whether waiting
/// can help.
///
/// After an error nothing is charged and nothing is held.
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let pool = Pool::new(1 << 20)?;
/// let user = pool.account("user", 8 << 10);
/// let refused = user.try_lease(8 << 10);
/// assert!(refused.is_err_and(|error| error.is_too_large())); // its class has 20 KiB
/// let held = [user.try_lease(4 << 10)?, user.try_lease(4 << 10)?];
/// let error = user.try_lease(1).expect_err("the account is full");
/// assert!(error.is_over_limit()); // waiting can help
/// # drop(held);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseError {
    /// Boxed, so that the result of `try_lease` is no larger than a block and its slow path returns
    /// in registers.
    kind: Box<Kind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// An account is at its limit. `left` is the room that it has.
    AccountFull { account: String, wanted: usize, left: usize, limit: usize },
    /// The pool has no free block that fits, or no room.
    PoolEmpty { wanted: usize },
    /// The wait took too long: for room in an account, or for the pool.
    DeadlinePassed { account: Option<String>, wanted: usize, waited: Duration },
    /// No wait can help. `most` is the largest length that could be leased here.
    TooLarge { wanted: usize, most: usize },
    /// Blocks cannot be charged to an account of another pool.
    OtherPool,
    /// The chain or reservation carries no pool to lease from.
    Detached,
}

impl LeaseError {
    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(crate) fn account_full(account: &str, wanted: usize, left: usize, limit: usize) -> Self {
        Self::new(Kind::AccountFull { account: account.to_owned(), wanted, left, limit })
    }

    pub(crate) fn pool_empty(wanted: usize) -> Self {
        Self::new(Kind::PoolEmpty { wanted })
    }

    /// `account` is the one whose limit was waited for. It is `None` if the wait was for the pool.
    pub(crate) fn deadline_passed(account: Option<&str>, wanted: usize, waited: Duration) -> Self {
        Self::new(Kind::DeadlinePassed { account: account.map(str::to_owned), wanted, waited })
    }

    pub(crate) fn too_large(wanted: usize, most: usize) -> Self {
        Self::new(Kind::TooLarge { wanted, most })
    }

    pub(crate) fn detached() -> Self {
        Self::new(Kind::Detached)
    }

    /// An account between this handle and the pool is at its limit. It gets room when its own
    /// blocks come home.
    pub fn is_over_limit(&self) -> bool {
        matches!(*self.kind, Kind::AccountFull { .. })
    }

    /// The pool has no free block that fits, or no room for a reservation. It gets one when any
    /// blocks come home.
    pub fn is_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::PoolEmpty { .. })
    }

    /// The wait ended at its deadline.
    pub fn is_deadline_passed(&self) -> bool {
        matches!(*self.kind, Kind::DeadlinePassed { .. })
    }

    /// The length can never be leased from this handle. It is over the largest class or a limit;
    /// for a chain or a reservation, it may be over a quarter of the budget. Ask for less, or raise
    /// the limit.
    pub fn is_too_large(&self) -> bool {
        matches!(*self.kind, Kind::TooLarge { .. })
    }

    /// A charge could not move, because the account is of another pool.
    pub fn is_other_pool(&self) -> bool {
        matches!(*self.kind, Kind::OtherPool)
    }

    /// The chain or reservation has no pool to lease from. The chain was split off another one or
    /// made from a block, or the reservation was made empty.
    pub fn is_detached(&self) -> bool {
        matches!(*self.kind, Kind::Detached)
    }
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::AccountFull { account, wanted, left, limit } => write!(
                f,
                "the account \"{account}\" is at its limit: {wanted} bytes wanted, {left} of {limit} left; wait for its blocks to come home or raise its limit"
            ),
            Kind::PoolEmpty { wanted } => write!(
                f,
                "the pool is exhausted: no free memory for {wanted} bytes; wait with `lease().await`, lease a chain, which can use blocks of any class, or give the pool a larger budget"
            ),
            Kind::DeadlinePassed { account: Some(account), wanted, waited } => write!(
                f,
                "no room for {wanted} bytes in the account \"{account}\" within {waited:?}; raise its limit or give the wait a later deadline"
            ),
            Kind::DeadlinePassed { account: None, wanted, waited } => write!(
                f,
                "no memory for {wanted} bytes within {waited:?}; give the pool a larger budget or the wait a later deadline"
            ),
            Kind::TooLarge { wanted, most } => write!(
                f,
                "{wanted} bytes can never be leased here, the most is {most}; ask for less, or raise the limit, the classes or the budget"
            ),
            Kind::OtherPool => {
                write!(f, "the account belongs to another pool; copy the bytes instead")
            }
            Kind::Detached => write!(
                f,
                "no pool to lease from: the chain was split off another one or made from a block, or the reservation was made empty; reserve on the first chain, or begin with ChainMut::new or Account::try_reserve"
            ),
        }
    }
}

impl std::error::Error for LeaseError {}

impl From<Unmoved> for LeaseError {
    fn from(why: Unmoved) -> Self {
        Self::new(match why {
            Unmoved::OtherPool => Kind::OtherPool,
            Unmoved::OverLimit { account, wanted, left, limit } => {
                Kind::AccountFull { account, wanted, left, limit }
            }
        })
    }
}

impl From<LeaseError> for io::Error {
    fn from(error: LeaseError) -> Self {
        let kind = match *error.kind {
            Kind::DeadlinePassed { .. } => io::ErrorKind::TimedOut,
            Kind::OtherPool | Kind::Detached => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::OutOfMemory,
        };
        io::Error::new(kind, error)
    }
}
