//! Joins the store, the ledger and the queue: leases, gives back, reserves, covers, refuses, trims
//! and counts.

mod core;
mod counters;
mod grant;
#[allow(unsafe_code)]
mod hold;
mod maintain;
mod plans;
mod request;
mod reserved;
pub(in crate::pool) mod trace;

pub(in crate::pool) use self::{
    core::{Account, AccountHandle, CHAIN_BLOCKS_MAX, Charge, Core, Settings, StandingCharge},
    grant::{Blocked, Grant},
    hold::{Fresh, Hold, Unmoved},
    maintain::maintain,
    plans::{Plan, PlanKey},
    request::Request,
    reserved::Reserved,
};
