//! What a pool says without the feature `tracing`: nothing.

use super::{account::Accounts, error::LeaseError};

#[derive(Default)]
pub(super) struct Warned;

pub(super) fn refused(_warned: &Warned, _accounts: &Accounts, _account: &str, _error: &LeaseError) {}

pub(super) fn taken(_leased: usize) {}

pub(super) fn given_back(_bytes: usize) {}
