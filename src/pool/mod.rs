//! The pool: one owner of all blocks, which leases them.
//!
//! It is built in strata. Each stratum uses those before it:
//! - `store`: where blocks live. It knows no account and no waiter.
//! - `ledger`: what is charged to which account. It knows no block.
//! - `wait`: the waiters and their order. It knows no account and no block.
//! - `engine`: joins the three.
//! - `handles`: what users see.

mod engine;
mod handles;
mod ledger;
mod store;
mod wait;

pub(crate) use self::handles::{Recharge, SetAside, Shape, Wait, WeakPool, resolve};
pub use self::{
    handles::{
        Account, AccountStats, Block, BlockMut, BuildError, Builder, ClassStats, Credit,
        LeaseError, LeaseFuture, Pool, Pressure, Refusals, Reservation, ReserveFuture, Stats,
    },
    store::Backing,
};
