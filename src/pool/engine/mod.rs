//! The engine joins the store, the ledger and the queue. It leases, takes back, reserves, credits,
//! refuses, trims and counts.

#[allow(unsafe_code)]
mod block_ref;
mod core;
mod counters;
mod grant;
mod maintain;
mod plans;
mod request;
mod reserved;
pub(in crate::pool) mod trace;

pub(in crate::pool) use self::{
    block_ref::{BlockRef, Fresh, Unmoved},
    core::{AccountHandle, AccountNode, CHAIN_BLOCKS_MAX, Charge, Core, HeldCharge, Settings},
    grant::{Blocked, Grant},
    maintain::maintain,
    plans::{Plan, PlanKey},
    request::Request,
    reserved::Reserved,
};
