//! `LeasedBody` as an extractor.

use axum_core::{
    body::Body,
    extract::{FromRequest, Request},
};

use super::{MissingAccount, account::account_of};
use crate::http::LeasedBody;

/// Like axum's own `Body`, this one is read in pieces and has no limit.
///
/// # Errors
/// [`MissingAccount`]: 500 if the request has no account.
impl<S: Send + Sync> FromRequest<S> for LeasedBody<Body> {
    type Rejection = MissingAccount;

    async fn from_request(request: Request, _: &S) -> Result<Self, MissingAccount> {
        let account = account_of(request.extensions())?;
        Ok(Self::new(request.into_body(), &account))
    }
}
