//! The account that a request is charged to.

use ::http::Extensions;
use axum_core::extract::FromRef;

use super::MissingAccount;
use crate::pool::{Account, Pool};

/// The account that a layer, the server or `Extension` gave the request.
pub(super) fn account_of(extensions: &Extensions) -> Result<Account, MissingAccount> {
    match extensions.get::<Account>() {
        Some(account) => Ok(account.clone()),
        // `Extension(pool)` is as plain as `Extension(account)`.
        None => extensions.get::<Pool>().map(|pool| Account::clone(pool)).ok_or(MissingAccount(())),
    }
}

/// For routers whose state is a pool.
impl FromRef<Pool> for Account {
    fn from_ref(pool: &Pool) -> Self {
        Self::clone(pool)
    }
}
