//! What is charged to which account: accounts, charges, refunds and credits.
//!
//! The ledger knows no block and no waiter. It only knows that a request may wait at an account,
//! whose owner then serves it.

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
