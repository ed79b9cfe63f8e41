//! `Leased`: a request's body as one chain.

use axum_core::{
    RequestExt,
    extract::{FromRef, FromRequest, Request},
};
use http_body::Body;

use super::{LeasedRejection, account::account_of};
use crate::{
    chain::Chain,
    http::{CollectError, collect},
    pool::Pool,
};

/// A request's body in leased blocks, as an extractor; and a response of the same bytes.
///
/// Read by [`collect`](crate::http::collect), in the account that the request brings, or the [`Pool`] of the router's state ([`axum`](super)). axum's `DefaultBodyLimit` holds, 2 MiB unless another
/// one is set; a body that announces more is rejected unread, before a client that expects `100 Continue` has sent it.
///
/// # Errors
/// [`LeasedRejection`]: 413 if the body is too long, 400 if it breaks off, 503 if no memory was to be had within the pool's `wait_max`.
#[derive(Clone, Debug, Default)]
pub struct Leased(pub Chain);

impl<S> FromRequest<S> for Leased
where
    Pool: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = LeasedRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, LeasedRejection> {
        let pool = account_of(&request, state);
        let announced = request.body().size_hint().lower();
        let body = request.into_limited_body();
        // The limit itself is axum's secret; what it leaves of the announced length is not.
        if let Some(most) = body.size_hint().upper()
            && most < announced
        {
            let limit = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(CollectError::too_long(limit, announced).into());
        }
        Ok(Self(collect(body, &pool, usize::MAX).await?))
    }
}
