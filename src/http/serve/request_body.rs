//! `RequestBody`: the body of a request, watched to its end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{RemoteAddr, connection_state::ConnectionState, open_body::OpenBody};

/// The body of a request that [`serve`](super::serve) hands to a service: hyper's [`Incoming`],
/// watched.
///
/// The connection is parked only if the body was read to its end: unread bytes of a body must never
/// be taken for the next request.
///
/// # Errors
/// Those of hyper.
///
/// # Examples
/// A hyper service that reads the body, and is parked after any request:
/// ```no_run
/// use hyper::{Request, Response, service::service_fn};
/// use leasehold::{
///     Account,
///     http::{ChainBody, collect, serve, serve::{BoxError, RequestBody, from_hyper}},
/// };
///
/// async fn echo(request: Request<RequestBody>) -> Result<Response<ChainBody>, BoxError> {
///     let account = request.extensions().get::<Account>().cloned().ok_or("no account")?;
///     let body = collect(request.into_body(), &account, 1 << 20).await?;
///     Ok(Response::new(ChainBody::new(body)))
/// }
///
/// # async fn run(listener: tokio::net::TcpListener, pool: leasehold::Pool) -> std::io::Result<()>
/// {
/// serve(listener, from_hyper(service_fn(echo))).pool(&pool, 4 << 20).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    open: OpenBody,
}

impl RequestBody {
    /// Watches the body for `state`, unless nobody reads it.
    pub(super) fn new(inner: Incoming, state: &Arc<ConnectionState>, is_read: bool) -> Self {
        let open = if is_read && !inner.is_end_stream() {
            OpenBody::begin(state)
        } else {
            OpenBody::ended(state)
        };
        Self { inner, open }
    }

    /// The address of the client, as the listener told it.
    ///
    /// # Examples
    /// ```no_run
    /// use std::{convert::Infallible, net::SocketAddr};
    /// use http_body_util::Full;
    /// use hyper::{Request, Response, body::Bytes, service::service_fn};
    /// use leasehold::http::{serve, serve::{RequestBody, from_hyper}};
    ///
    /// async fn tell(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    ///     let client = request.body().remote_addr().get::<SocketAddr>();
    ///     Ok(Response::new(Full::from(format!("you are {client:?}"))))
    /// }
    ///
    /// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// serve(listener, from_hyper(service_fn(tell))).await?;
    /// # Ok(()) }
    /// ```
    pub fn remote_addr(&self) -> &RemoteAddr {
        self.open.state().client()
    }

    /// Returns hyper's own body, which is no longer watched.
    ///
    /// If more of it is to come, the connection is not parked before its next request was
    /// dispatched, and a client that stops sending the body is not cut.
    pub fn into_incoming(self) -> Incoming {
        self.inner
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if this.open.is_ended() {
            // hyper tells the end only with the next request, and calls the body incomplete if the
            // connection is parked before.
            return Poll::Ready(None);
        }
        let inner = Pin::new(&mut this.inner);
        let polled = match this.open.begin_wait(cx.waker()) {
            Some(waker) => inner.poll_frame(&mut Context::from_waker(&waker)),
            None => inner.poll_frame(cx),
        };
        let frame = ready!(polled);
        this.open.end_wait();
        let is_end = match &frame {
            None => true,
            Some(Ok(frame)) => frame.is_trailers() || this.inner.is_end_stream(),
            // It is not known how much of the body is left in the transport, so the body counts as
            // dropped.
            Some(Err(_)) => false,
        };
        if is_end {
            this.open.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
