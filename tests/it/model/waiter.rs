//! `Waiter`: somebody who waits for memory.

use std::{future::Future, pin::Pin, time::Duration};

use leasehold::{Account, BlockMut, ChainMut, LeaseError, Reservation};
use tokio_test::task::{self, Spawn};

/// What somebody wants, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    Block(usize),
    Chain(usize),
    Reservation(usize),
}

/// What somebody got.
pub(crate) enum Got {
    Block(BlockMut),
    Chain(ChainMut),
    Reservation(Reservation),
}

type Waiting = Pin<Box<dyn Future<Output = Result<Got, LeaseError>>>>;

/// A wait that is polled when it was woken, and not before.
pub(crate) struct Waiter {
    pub(crate) account: usize,
    pub(crate) want: Want,
    /// In milliseconds of the test's clock.
    pub(crate) deadline: u64,
    pub(crate) wait: Spawn<Waiting>,
}

impl Waiter {
    pub(crate) fn new(pool: &Account, account: usize, want: Want, now: u64, within: u64) -> Self {
        let time = Duration::from_millis(within);
        let wait: Waiting = match want {
            Want::Block(len) => {
                let lease = pool.lease_timeout(len, time);
                Box::pin(async { lease.await.map(Got::Block) })
            }
            Want::Chain(len) => {
                let lease = pool.chain_timeout(len, time);
                Box::pin(async { lease.await.map(Got::Chain) })
            }
            Want::Reservation(len) => {
                let reserve = pool.reserve_timeout(len, time);
                Box::pin(async { reserve.await.map(Got::Reservation) })
            }
        };
        Self { account, want, deadline: now + within, wait: task::spawn(wait) }
    }
}

impl Want {
    /// What the pool is asked at once.
    pub(crate) fn try_in(self, pool: &Account) -> Result<Got, LeaseError> {
        match self {
            Self::Block(len) => pool.try_lease(len).map(Got::Block),
            Self::Chain(len) => pool.try_chain(len).map(Got::Chain),
            Self::Reservation(len) => pool.try_reserve(len).map(Got::Reservation),
        }
    }
}
