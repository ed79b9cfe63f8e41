//! What `axum::serve` serves, as an [`App`].

use std::{
    any::TypeId,
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
};

use ::http::{Request, Response};
use axum::{
    Router,
    extract::connect_info::{Connected, IntoMakeServiceWithConnectInfo},
    routing::IntoMakeService,
};
use axum_core::body::Body;
use tower_service::Service;

use super::{App, BoxError, IncomingStream, Listener, RequestBody};

/// The way of what makes a service for each connection.
#[derive(Debug)]
pub enum ViaMakeService {}

impl<L, M, S, B> App<L, ViaMakeService> for M
where
    L: Listener,
    M: for<'a> Service<IncomingStream<'a, L>, Response = S, Error = Infallible, Future: Send>
        + Send
        + 'static,
    S: Service<
            Request<Body>,
            Response = Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Service = S;
    type RequestBody = Body;
    type ResponseBody = B;

    fn begin(&mut self) {}

    fn is_kept() -> bool {
        !is_pure::<M, L>()
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Service::poll_ready(self, cx).map(|ready| ready.unwrap_or_else(|never| match never {}))
    }

    fn open(&mut self, stream: IncomingStream<'_, L>) -> impl Future<Output = S> + Send {
        let made = self.call(stream);
        async move { made.await.unwrap_or_else(|never| match never {}) }
    }

    fn service(&mut self, stream: IncomingStream<'_, L>) -> S {
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(self.call(stream)).poll(&mut cx) {
            Poll::Ready(Ok(service)) => service,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => unreachable!("axum makes a service of a router at once"),
        }
    }

    fn body(body: RequestBody) -> Body {
        Body::new(body)
    }
}

/// Whether the service of a connection depends on its address alone, so that it can be made again
/// whenever the connection wakes, and nothing needs to be kept while it sleeps.
fn is_pure<M: 'static, L: Listener>() -> bool {
    let made = TypeId::of::<M>();
    made == TypeId::of::<IntoMakeService<Router>>()
        || made == TypeId::of::<IntoMakeServiceWithConnectInfo<Router, L::Addr>>()
}

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, L>> for SocketAddr {
    fn connect_info(stream: IncomingStream<'_, L>) -> Self {
        *stream.remote_addr()
    }
}
