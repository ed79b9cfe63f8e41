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
///
/// Its requests have [`RequestBody`] bodies. Where a service needs hyper's own [`Incoming`], use
/// [`from_incoming`].
///
/// # Examples
/// In the docs of [`RequestBody`].
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

/// A hyper service of `Request<Incoming>`, made by [`from_incoming`].
#[derive(Clone, Copy, Debug)]
pub struct IncomingService<S>(S);

/// Makes a tower service of a hyper service of `Request<Incoming>`, unchanged.
///
/// The server cannot see whether an `Incoming` was read to its end. So a connection of this service
/// is parked only after requests without a body. A service that is generic over the body, or takes
/// [`RequestBody`], has no such limit: see [`from_hyper`].
///
/// # Examples
/// ```no_run
/// use std::convert::Infallible;
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper::{Request, Response, body::Incoming, service::service_fn};
/// use leasehold::http::serve::{from_incoming, serve};
///
/// async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
///     Ok(Response::new(Full::from("hello")))
/// }
///
/// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// serve(listener, from_incoming(service_fn(hello))).await?;
/// # Ok(()) }
/// ```
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

    fn call(&mut self, mut request: Request<RequestBody>) -> S::Future {
        let client = request.body().remote_addr().clone();
        request.extensions_mut().insert(client);
        self.0.call(request.map(RequestBody::into_incoming))
    }
}
