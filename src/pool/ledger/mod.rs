//! What is charged to whom: accounts, charges, their way back, and credits.
//!
//! Knows no block and nobody that waits: only that somebody may wait at an account, which its owner
//! then serves.

#[allow(unsafe_code)]
mod account;
#[allow(unsafe_code)]
mod accounts;
#[allow(unsafe_code)]
mod charge;
#[allow(unsafe_code)]
mod crediting;
#[allow(unsafe_code)]
mod held_charge;
mod key;
#[allow(unsafe_code)]
mod moving;
#[allow(unsafe_code)]
mod refund;

pub(in crate::pool) use self::{
    account::{AccountHandle, AccountNode, BUDGET_MAX, Owner},
    accounts::{AccountCount, Accounts},
    charge::{Charge, ChargeRefused},
    crediting::{CreditedCharge, Room},
    held_charge::HeldCharge,
    key::AccountKey,
    moving::MovingCharge,
    refund::refund,
};
