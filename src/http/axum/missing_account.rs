//! `MissingAccount`: a request has no account to lease from.

use std::{error::Error, fmt};

use ::http::StatusCode;
use axum_core::response::{IntoResponse, Response};

/// The rejection of a request that has no account to lease from. The server is set up wrongly.
///
/// The response is 500. Its text names the three ways to correct that:
/// [`Serve::pool`](crate::http::serve::Serve::pool), `BudgetLayer` and `Extension<Account>`.
#[derive(Clone, Debug)]
pub struct MissingAccount(pub(super) ());

impl IntoResponse for MissingAccount {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl fmt::Display for MissingAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the request has no account to lease from: serve it with `leasehold::http::serve` and \
             `.pool(..)`, wrap it in `BudgetLayer`, or add `Extension(account)`",
        )
    }
}

impl Error for MissingAccount {}
