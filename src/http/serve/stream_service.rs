//! `StreamService`: the service of an HTTP/2 connection, whose streams have bounded room.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ::http::{HeaderValue, Method, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use hyper::{body::Incoming, service::Service};
use pin_project_lite::pin_project;

use super::{
    connection_state::ConnectionState,
    http2_room::{Http2Room, OpenStream},
    stream_body::StreamBody,
    stream_room::StreamRoom,
    tunnel::Tunnel,
};

/// Reserves the room of each stream, if it is bounded, and passes its request on.
pub(super) struct StreamService<S> {
    inner: S,
    state: Arc<ConnectionState>,
}

impl<S> StreamService<S> {
    pub(super) fn new(inner: S, state: Arc<ConnectionState>) -> Self {
        Self { inner, state }
    }

    /// The room of the connection, if it is bounded. A stream that comes after the end of a stop
    /// is never answered.
    fn room(&self) -> Option<&Arc<Http2Room>> {
        self.state.http2_room().filter(|_| !self.state.is_closed())
    }
}

impl<S, B> Service<Request<Incoming>> for StreamService<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<StreamBody<B>>;
    type Error = S::Error;
    type Future = StreamAnswer<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let is_tunnel = request.method() == Method::CONNECT;
        let open = self.room().map(Http2Room::open);
        let room = self.room().map(|room| StreamRoom::try_new(room, &request, is_tunnel));
        let Ok(room) = room.transpose().map(|room| room.map(Arc::new)) else {
            return StreamAnswer { step: Step::Refused, open };
        };
        if is_tunnel {
            request.extensions_mut().insert(Tunnel::new(&self.state, room.clone()));
        }
        StreamAnswer { step: Step::Called { future: self.inner.call(request), room }, open }
    }
}

pin_project! {
    /// The response of a stream to come.
    pub(super) struct StreamAnswer<F> {
        #[pin]
        step: Step<F>,
        open: Option<OpenStream>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F> {
        Called { #[pin] future: F, room: Option<Arc<StreamRoom>> },
        /// There is no room for the stream.
        Refused,
    }
}

impl<F, B, E> Future for StreamAnswer<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<StreamBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.step.project() {
            StepProjection::Called { future, room } => {
                let response = ready!(future.poll(cx))?;
                let (room, open) = (room.take(), this.open.take());
                Poll::Ready(Ok(response.map(|body| StreamBody::new(body, room, open))))
            }
            StepProjection::Refused => Poll::Ready(Ok(unavailable())),
        }
    }
}

/// RFC 9110 §15.6.4. gRPC takes it for "unavailable", because it has no body.
#[cold]
fn unavailable<B>() -> Response<StreamBody<B>> {
    let mut response = Response::new(StreamBody::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
