//! The account that a request is charged to.

use ::http::Extensions;
use axum_core::extract::FromRef;

use super::MissingAccount;
use crate::pool::{Account, Pool};

/// The account of the request: from a layer, the server, or `Extension`.
pub(super) fn account_of(extensions: &Extensions) -> Result<Account, MissingAccount> {
    match extensions.get::<Account>() {
        Some(account) => Ok(account.clone()),
        // `Extension(pool)` serves as well as `Extension(account)`.
        None => extensions.get::<Pool>().map(|pool| Account::clone(pool)).ok_or(MissingAccount(())),
    }
}

/// A router whose state is a `Pool` needs no `FromRef` of its own.
impl FromRef<Pool> for Account {
    fn from_ref(pool: &Pool) -> Self {
        Self::clone(pool)
    }
}
