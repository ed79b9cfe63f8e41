//! Why a lease was refused.

use std::{fmt, io, time::Duration};

use crate::pool::engine::Unmoved;

/// The error of every lease and reservation: which limit said no, and whether waiting can help.
///
/// Nothing is charged and nothing is held when one fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseError {
    /// In a box, so that what `try_lease` returns is no larger than a block, and its slow path
    /// returns in registers.
    kind: Box<Kind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// An account may not have more; `left` is the room it has.
    AccountFull { account: String, wanted: usize, left: usize, limit: usize },
    /// The pool has no free block that serves, or no room.
    PoolEmpty { wanted: usize },
    /// The wait took too long: for room in an account, or for the pool.
    DeadlinePassed { account: Option<String>, wanted: usize, waited: Duration },
    /// No wait can help: `most` is the largest length that could be had here.
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

    /// `account` is the one whose limit was waited for; none if it was the pool.
    pub(crate) fn deadline_passed(account: Option<&str>, wanted: usize, waited: Duration) -> Self {
        Self::new(Kind::DeadlinePassed { account: account.map(str::to_owned), wanted, waited })
    }

    pub(crate) fn too_large(wanted: usize, most: usize) -> Self {
        Self::new(Kind::TooLarge { wanted, most })
    }

    pub(crate) fn detached() -> Self {
        Self::new(Kind::Detached)
    }

    /// An account on the way from this handle to the pool is at its limit; it gets room as its own
    /// blocks come home.
    pub fn is_over_limit(&self) -> bool {
        matches!(*self.kind, Kind::AccountFull { .. })
    }

    /// The pool has no free block that serves, or no room for a reservation; it gets one as
    /// anybody's blocks come home.
    pub fn is_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::PoolEmpty { .. })
    }

    /// The wait ended at its deadline.
    pub fn is_deadline_passed(&self) -> bool {
        matches!(*self.kind, Kind::DeadlinePassed { .. })
    }

    /// The length can never be had from this handle: larger than any class, than a limit, or for a
    /// chain or a reservation than a quarter of the budget. Ask for less, or raise the limit.
    pub fn is_too_large(&self) -> bool {
        matches!(*self.kind, Kind::TooLarge { .. })
    }

    /// A charge was to move to an account of another pool.
    pub fn is_other_pool(&self) -> bool {
        matches!(*self.kind, Kind::OtherPool)
    }

    /// The chain or reservation has no pool to lease from: the chain was split off another one, or
    /// made of a block; the reservation was made empty.
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
                "the pool is exhausted: nothing free for {wanted} bytes; wait with `lease().await`, lease a chain, which any blocks serve, or give the pool a larger budget"
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
                "{wanted} bytes can never be leased here, the most is {most}; ask for less or raise the limit, the classes or the budget"
            ),
            Kind::OtherPool => {
                write!(f, "the account belongs to another pool; copy the bytes instead")
            }
            Kind::Detached => write!(
                f,
                "this has no pool to lease from: a chain that was split off another one, or made of a block, or a reservation that was made empty; reserve on the chain it came from, or begin with ChainMut::new or Pool::try_reserve"
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
