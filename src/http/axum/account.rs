//! The account that a request is charged to.

use axum_core::extract::{FromRef, Request};

use crate::pool::Pool;

/// The request's own, if a layer or the server gave it one; else that of the router's state.
pub(super) fn account_of<S>(request: &Request, state: &S) -> Pool
where
    Pool: FromRef<S>,
{
    request.extensions().get().cloned().unwrap_or_else(|| Pool::from_ref(state))
}
