//! What is charged to whom: accounts, charges, their way back, and covers.
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
mod covering;
mod key;
#[allow(unsafe_code)]
mod moving;
#[allow(unsafe_code)]
mod refund;
#[allow(unsafe_code)]
mod standing;

pub(in crate::pool) use self::{
    account::{Account, AccountHandle, BUDGET_MAX, Owner},
    accounts::{AccountCount, Accounts},
    charge::{Charge, ChargeRefused},
    covering::{CoveredCharge, Room},
    key::AccountKey,
    moving::MovingCharge,
    refund::refund,
    standing::StandingCharge,
};
