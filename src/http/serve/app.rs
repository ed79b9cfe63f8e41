//! `App`: what a server can serve.

use std::{
    future::{Future, ready},
    task::{Context, Poll},
};

use ::http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{BoxError, IncomingStream, Listener, RequestBody};

/// What [`serve`](super::serve) serves on the connections of a listener. `Via` says in which way,
/// and is always inferred.
///
/// It is implemented for:
/// - tower services of `Request<RequestBody>`: an axum `Router`, `MethodRouter` or handler,
///   services of [`from_hyper`](super::from_hyper) and [`from_incoming`](super::from_incoming), and
///   services that are generic over the body;
/// - with the feature `axum`, what makes a service for each connection, as `axum::serve` takes it:
///   `into_make_service`, `into_make_service_with_connect_info`, `tower::make::Shared`. The service
///   takes axum's own request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served on the connections of `{L}`",
    label = "is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`",
    note = "a service of hyper is served through `from_hyper(service)`, and one of \
            `Request<Incoming>` through `from_incoming(service)`",
    note = "a service of axum's `Request` is served through \
            `axum::ServiceExt::into_make_service(service)`",
    note = "a `Router<S>` is served once it has its state: `router.with_state(state)`",
    note = "`into_make_service_with_connect_info::<C>()` is served if `C` implements `Connected` \
            for `leasehold::http::serve::IncomingStream<'_, L>`, not only for axum's",
    note = "a service is `Clone + Send + 'static`, its future is `Send + 'static`, and its error \
            is `Into<BoxError>`"
)]
pub trait App<L: Listener, Via>: Send + 'static {
    /// The service of one connection.
    type Service: Service<
            Request<Self::RequestBody>,
            Response = Response<Self::ResponseBody>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static;
    /// The body that the service takes.
    type RequestBody: Send + 'static;
    /// The body that the service answers with.
    type ResponseBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// Prepares what is the same for all connections. Called once.
    fn begin(&mut self);

    /// Whether the service of a connection is made once, by [`open`](Self::open), and kept as long
    /// as the connection lives. If not, [`service`](Self::service) makes the same one at any time.
    fn is_kept() -> bool;

    /// Is ready when a connection may be opened.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Makes the service of a connection that was accepted.
    fn open(&mut self, stream: IncomingStream<'_, L>)
    -> impl Future<Output = Self::Service> + Send;

    /// Makes the service of a connection.
    fn service(&mut self, stream: IncomingStream<'_, L>) -> Self::Service;

    /// Turns a body into what the service takes.
    fn body(body: RequestBody) -> Self::RequestBody;
}

/// The ways to be an [`App`].
#[derive(Debug)]
pub enum ViaService {}

impl<L, S, B> App<L, ViaService> for S
where
    L: Listener,
    S: Service<
            Request<RequestBody>,
            Response = Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Service = S;
    type RequestBody = RequestBody;
    type ResponseBody = B;

    fn begin(&mut self) {
        #[cfg(feature = "axum")]
        super::axum_routes::build_routes(self);
    }

    fn is_kept() -> bool {
        false
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn open(&mut self, _: IncomingStream<'_, L>) -> impl Future<Output = S> + Send {
        ready(self.clone())
    }

    fn service(&mut self, _: IncomingStream<'_, L>) -> S {
        self.clone()
    }

    fn body(body: RequestBody) -> RequestBody {
        body
    }
}
