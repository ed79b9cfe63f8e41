//! What users see of a pool: handles, futures, figures and errors.

mod account;
mod asking;
#[allow(unsafe_code)]
mod block;
#[allow(unsafe_code)]
mod block_mut;
mod builder;
mod contents;
mod credit;
mod error;
mod lease;
mod leasing;
mod pool;
mod recharge;
mod refusals;
mod reservation;
mod reserve;
mod stats;
mod wait;

mod set_aside;
mod weak_pool;

pub use self::{
    account::Account,
    block::Block,
    block_mut::BlockMut,
    builder::{BuildError, Builder},
    credit::Credit,
    error::LeaseError,
    lease::LeaseFuture,
    pool::Pool,
    refusals::Refusals,
    reservation::Reservation,
    reserve::ReserveFuture,
    stats::{AccountStats, ClassStats, Pressure, Stats},
};
pub(crate) use self::{asking::Shape, block::resolve, recharge::Recharge, wait::Wait};
pub(crate) use self::{set_aside::SetAside, weak_pool::WeakPool};
