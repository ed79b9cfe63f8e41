//! `Driver`: hyper's part of a connection that is awake.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

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

use super::{
    App, BoxError, IncomingStream, Listener, connection_state::ConnectionState, peer::Peer,
    settings::Settings, tracked_io::TrackedIo, tracked_service::TrackedService,
    tunnel::StreamExecutor,
};
use crate::{pool::Account, sync::Mutex};

/// A connection that hyper has, of any service.
pub(super) trait Driver<T>: Send {
    /// Ready when the connection has ended, failed, or was upgraded.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()>;

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

/// Makes drivers. A connection knows no more of its service than this.
pub(super) trait Drivers<T>: Send + Sync {
    /// Gives `io` to hyper, with the bytes that were read from it already.
    fn driver(
        &self,
        mode: Mode,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
        peer: &Peer,
    ) -> Box<dyn Driver<T>>;
}

/// Makes drivers for the services of an app.
pub(super) struct DriversFor<A, L, Via> {
    /// None if connections keep their services.
    app: Option<Mutex<A>>,
    http1: http1::Builder,
    _on: PhantomData<fn() -> (L, Via)>,
}

impl<A, L, Via> DriversFor<A, L, Via> {
    pub(super) fn new(app: Option<A>, settings: &Settings) -> Self {
        let mut http1 = http1::Builder::new();
        http1.keep_alive(settings.keep_alive);
        if let Some(bytes) = settings.max_header_size {
            http1.max_header_size(bytes);
        }
        Self { app: app.map(Mutex::new), http1, _on: PhantomData }
    }
}

impl<A, L, Via> Drivers<L::Io> for DriversFor<A, L, Via>
where
    L: Listener,
    A: App<L, Via>,
    Via: 'static,
{
    fn driver(
        &self,
        mode: Mode,
        io: L::Io,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
        peer: &Peer,
    ) -> Box<dyn Driver<L::Io>> {
        let addr = peer.addr::<A::Service>();
        let service = peer.service().unwrap_or_else(|| {
            let client = addr.get::<L::Addr>().expect("the listener told it").clone();
            let app = self.app.as_ref().expect("a service is kept, or made here");
            app.lock().service(IncomingStream::new(&io, client))
        });
        let service =
            TrackedService::new(service, A::body, Arc::clone(&state), account, addr.clone());
        let io = TokioIo::new(TrackedIo::new(io, prefix, Arc::clone(&state)));
        match mode {
            Mode::Http1 => Box::new(self.http1.serve_connection(io, service).with_upgrades()),
            Mode::Http1Once => {
                let mut http1 = self.http1.clone();
                http1.keep_alive(false);
                Box::new(http1.serve_connection(io, service).with_upgrades())
            }
            Mode::Http2 => {
                let mut http2 = http2::Builder::new(StreamExecutor::new(state));
                // RFC 8441 §3: SETTINGS_ENABLE_CONNECT_PROTOCOL, without which no client asks.
                http2.enable_connect_protocol();
                Box::new(http2.serve_connection(io, service))
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
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error ends the connection. hyper has answered it, or no client is left.
        Pin::new(self).poll(cx).map(drop)
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
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(self).poll(cx).map(drop)
    }

    fn shut_down(&mut self) {
        Pin::new(self).graceful_shutdown();
    }

    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)> {
        None
    }
}
