//! hyper services as tower services.

use std::task::{Context, Poll};

use ::http::Request;
use hyper::body::Incoming;
use tower_service::Service;

use super::RequestBody;

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

/// A hyper service that wants hyper's own body, made by [`from_incoming`].
#[derive(Clone, Copy, Debug)]
pub struct IncomingService<S>(S);

/// Makes a tower service of a hyper service of `Request<Incoming>`, as it is.
///
/// What becomes of such a body cannot be seen: a connection is parked after requests without one.
/// Services that are generic over the body, or take [`RequestBody`], are parked after any
/// ([`from_hyper`]).
pub fn from_incoming<S>(service: S) -> IncomingService<S> {
    IncomingService(service)
}

impl<S> Service<Request<RequestBody>> for IncomingService<S>
where
    S: hyper::service::Service<Request<Incoming>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> S::Future {
        self.0.call(request.map(RequestBody::into_incoming))
    }
}
