//! `LeasedBody` as an extractor.

use std::convert::Infallible;

use axum_core::{
    body::Body,
    extract::{FromRef, FromRequest, Request},
};

use super::account::account_of;
use crate::{http::LeasedBody, pool::Pool};

/// Like axum's own `Body`, it is read in pieces and has no limit.
impl<S> FromRequest<S> for LeasedBody<Body>
where
    Pool: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let pool = account_of(&request, state);
        Ok(Self::new(request.into_body(), &pool))
    }
}
