//! What users see of a pool: handles, futures, figures and errors.

mod asking;
#[allow(unsafe_code)]
mod block;
#[allow(unsafe_code)]
mod block_mut;
mod builder;
mod cover;
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

// For rooms above, of which not all are built.
#[allow(dead_code)]
mod onlooker;
#[allow(dead_code)]
mod reuse;
#[allow(dead_code)]
mod set_aside;

pub(crate) use self::{asking::Shape, block::resolve, recharge::Recharge, wait::Wait};
pub use self::{
    block::Block,
    block_mut::BlockMut,
    builder::{BuildError, Builder},
    cover::Cover,
    error::LeaseError,
    lease::Lease,
    pool::Pool,
    refusals::Refusals,
    reservation::Reservation,
    reserve::Reserve,
    stats::{AccountStats, ClassStats, Pressure, Stats},
};
// For rooms above, of which not all are built.
#[allow(unused_imports)]
pub(crate) use self::{onlooker::Onlooker, set_aside::SetAside};
