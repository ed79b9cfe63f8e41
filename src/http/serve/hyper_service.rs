//! `HyperService`: a hyper service as a tower service.

use std::task::{Context, Poll};

use tower_service::Service;

/// A hyper service for [`serve`](super::serve), made by [`from_hyper`].
#[derive(Clone, Copy, Debug)]
pub struct HyperService<S>(S);

/// Makes a tower service of a hyper service, such as `hyper::service::service_fn`.
pub fn from_hyper<S>(service: S) -> HyperService<S> {
    HyperService(service)
}

impl<S, R> Service<R> for HyperService<S>
where
    S: hyper::service::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}
