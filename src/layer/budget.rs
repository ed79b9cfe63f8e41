//! `Budget`: a service behind a budget.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body::Body;
use tower_service::Service;

use super::{budget_body::BudgetBody, budget_future::BudgetFuture, settings::Settings};

/// A service whose requests stay within a budget, made by [`BudgetLayer`](super::BudgetLayer).
///
/// Clones share the budget. It is ready when the inner service is ready; memory is reserved when a
/// request is there.
///
/// # Examples
/// In [the module's docs](super).
#[derive(Clone)]
pub struct Budget<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Budget<S> {
    pub(super) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, R, B> Service<Request<R>> for Budget<S>
where
    S: Service<Request<R>, Response = Response<B>>,
    R: Body,
    B: Body,
    B::Data: From<Bytes>,
{
    type Response = Response<BudgetBody<B>>;
    type Error = S::Error;
    type Future = BudgetFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<R>) -> BudgetFuture<S::Future> {
        match self.settings.admit(&mut request) {
            Ok(credit) => BudgetFuture::admitted(self.inner.call(request), credit),
            Err(error) => BudgetFuture::refused(self.settings.refusal(request.headers(), &error)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Budget<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("inner", &self.inner)
            .field("account", &self.settings.account)
            .finish()
    }
}
