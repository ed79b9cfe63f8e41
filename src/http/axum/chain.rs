//! `Chain` as an extractor: a request's body as one chain.

use axum_core::{
    RequestExt,
    extract::{FromRequest, Request},
};
use http_body::Body;

use super::{ChainRejection, account::account_of};
use crate::{
    chain::Chain,
    http::{CollectError, collect},
};

/// A request's body in leased blocks.
///
/// It is read by [`collect`](crate::http::collect()) into blocks of the request's account
/// ([`http::axum`](crate::http::axum) says which that is). axum's `DefaultBodyLimit` holds: 2 MiB
/// unless another limit is set. A body that announces more is rejected unread: a client that
/// expects `100 Continue` does not even send it.
///
/// # Errors
/// [`ChainRejection`]: 413 if the body is too long, 400 if it breaks off, 503 if there was no
/// memory within the pool's `max_wait`, 500 if the request has no account.
///
/// # Examples
/// In [`http::axum`](crate::http::axum).
impl<S: Send + Sync> FromRequest<S> for Chain {
    type Rejection = ChainRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, ChainRejection> {
        let account = account_of(request.extensions())?;
        let announced = request.body().size_hint().lower();
        let body = request.into_limited_body();
        // axum does not tell its limit, but the upper bound of a limited body is at most the limit.
        if let Some(most) = body.size_hint().upper()
            && most < announced
        {
            let limit = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(CollectError::too_long(limit, announced).into());
        }
        Ok(collect(body, &account, usize::MAX).await?)
    }
}
