//! `Driver`: hyper's part of a connection that is awake.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Request, Response};
use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use hyper::{
    body::Incoming,
    rt::bounds::Http2ServerConnExec,
    server::conn::{http1, http2},
    service::HttpService,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    BoxError, RemoteAddr, RequestBody, builders::Builders, connection_state::ConnectionState,
    peer::Peer, stream_executor::StreamExecutor, stream_service::StreamService,
    tracked_io::TrackedIo, tracked_service::TrackedService,
};
use crate::pool::Account;

/// A connection that hyper has, of any service.
pub(super) trait Driver<T>: Send {
    /// Ready when the connection has ended, failed, or was upgraded.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;

    /// Tells hyper to serve no request after the current one.
    fn shut_down(&mut self);

    /// The transport, and bytes that were read from it; none if it was upgraded, or cannot be taken
    /// apart.
    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)>;
}

/// The protocol that hyper serves a connection with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Http1,
    /// HTTP/1, for one request.
    Http1Once,
    Http2,
}

/// A connection that wakes.
pub(super) struct Waking<'a, T> {
    pub(super) mode: Mode,
    pub(super) io: T,
    /// The bytes that were read already.
    pub(super) prefix: Bytes,
    pub(super) state: Arc<ConnectionState>,
    /// What requests carry as an extension.
    pub(super) account: Option<Account>,
    pub(super) peer: &'a Peer,
    pub(super) builders: &'a Builders,
}

/// Makes drivers. A connection knows no more of its service than this.
pub(super) trait Drivers<T>: Send + Sync {
    /// The address that `peer` keeps.
    fn client<'a>(&self, peer: &'a Peer) -> &'a RemoteAddr;

    /// Gives a connection to hyper.
    fn driver(&self, waking: Waking<'_, T>) -> Box<dyn Driver<T>>;
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Waking<'_, T> {
    /// Gives the connection to hyper, with its service. `body` turns a body into what the service
    /// takes.
    pub(super) fn drive<S, F, R, B>(self, service: S, body: F) -> Box<dyn Driver<T>>
    where
        F: Fn(RequestBody) -> R + Send + 'static,
        S: Service<Request<R>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        R: Send + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let Self { mode, io, prefix, state, account, builders, .. } = self;
        let service = TrackedService::new(service, body, Arc::clone(&state), account);
        let io = TokioIo::new(TrackedIo::new(io, prefix, Arc::clone(&state)));
        match mode {
            Mode::Http1 => Box::new(builders.http1().serve_connection(io, service).with_upgrades()),
            Mode::Http1Once => {
                let mut http1 = builders.http1().clone();
                http1.keep_alive(false);
                Box::new(http1.serve_connection(io, service).with_upgrades())
            }
            Mode::Http2 => {
                let service = StreamService::new(service, Arc::clone(&state));
                Box::new(builders.http2(state).serve_connection(io, service))
            }
        }
    }
}

impl<T, S> Driver<T> for http1::UpgradeableConnection<TokioIo<TrackedIo<T>>, S>
where
    Self: Send,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody: Body<Error: Into<BoxError>> + 'static, Error: Into<BoxError>>,
{
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // An error ends the connection. hyper has answered it, or no client is left.
        match Pin::new(self).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(outcome) => Poll::Ready(outcome.map_err(BoxError::from)),
        }
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }

    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)> {
        let parts = (*self).into_parts()?;
        let (io, prefix) = parts.io.into_inner().into_parts();
        // The bytes that hyper has read come first. Even an empty `Bytes` keeps hyper's buffer, up
        // to 408 KiB, so they are copied, or dropped.
        let mut left = BytesMut::new();
        if parts.read_buf.has_remaining() || prefix.has_remaining() {
            left.extend_from_slice(&parts.read_buf);
            left.extend_from_slice(&prefix);
        }
        Some((io, left))
    }
}

impl<T, S> Driver<T> for http2::Connection<TokioIo<TrackedIo<T>>, S, StreamExecutor>
where
    Self: Send,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody: Body<Error: Into<BoxError>> + 'static, Error: Into<BoxError>>,
    StreamExecutor: Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Pin::new(self).poll(cx).map_err(BoxError::from)
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }

    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)> {
        None
    }
}
