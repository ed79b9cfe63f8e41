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
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    BoxError, connection_state::ConnectionState, request_body::RequestBody, tracked_io::TrackedIo,
    tracked_service::TrackedService,
};
use crate::pool::Account;

/// A connection in hyper's hands, whatever its service is.
pub(super) trait Driver<T>: Send {
    /// Ready when the connection has ended, failed, or was upgraded.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// No request after the current one.
    fn shut_down(&mut self);

    /// The transport, and bytes that were read from it; none if it was upgraded, or cannot be taken
    /// apart.
    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)>;
}

/// Makes drivers: all that a connection knows of its service.
pub(super) trait Drivers<T>: Send + Sync {
    fn http1(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>>;
    /// For one request.
    fn http1_once(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>>;
    fn http2(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>>;
}

/// Drivers for a service.
pub(super) struct DriversFor<S> {
    pub(super) service: S,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
}

impl<T, S, B> Drivers<T> for DriversFor<S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn http1(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>> {
        let service = TrackedService::new(self.service.clone(), Arc::clone(&state), account);
        let io = TokioIo::new(TrackedIo::new(io, prefix, state));
        Box::new(Http1(self.http1.serve_connection(io, service).with_upgrades()))
    }

    fn http1_once(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>> {
        let service = TrackedService::new(self.service.clone(), Arc::clone(&state), account);
        let io = TokioIo::new(TrackedIo::new(io, prefix, state));
        let mut http1 = self.http1.clone();
        http1.keep_alive(false);
        Box::new(Http1(http1.serve_connection(io, service).with_upgrades()))
    }

    fn http2(
        &self,
        io: T,
        prefix: Bytes,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Box<dyn Driver<T>> {
        let service = TrackedService::new(self.service.clone(), Arc::clone(&state), account);
        let io = TokioIo::new(TrackedIo::new(io, prefix, state));
        Box::new(Http2(self.http2.serve_connection(io, service)))
    }
}

struct Http1<T, S>(http1::UpgradeableConnection<TokioIo<TrackedIo<T>>, TrackedService<S>>)
where
    TrackedService<S>: hyper::service::HttpService<hyper::body::Incoming>;

impl<T, S, B> Driver<T> for Http1<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error is the end of the connection; hyper has answered it, or there is nobody to
        // answer.
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }

    fn shut_down(&mut self) {
        Pin::new(&mut self.0).graceful_shutdown();
    }

    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)> {
        let parts = self.0.into_parts()?;
        let (io, prefix) = parts.io.into_inner().into_parts();
        // What hyper has read comes first. Even an empty one holds hyper's buffer, up to 408 KiB:
        // it is copied, or dropped.
        let mut left = BytesMut::new();
        if parts.read_buf.has_remaining() || prefix.has_remaining() {
            left.extend_from_slice(&parts.read_buf);
            left.extend_from_slice(&prefix);
        }
        Some((io, left))
    }
}

struct Http2<T, S>(http2::Connection<TokioIo<TrackedIo<T>>, TrackedService<S>, TokioExecutor>)
where
    TrackedService<S>: hyper::service::HttpService<hyper::body::Incoming>;

impl<T, S, B> Driver<T> for Http2<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }

    fn shut_down(&mut self) {
        Pin::new(&mut self.0).graceful_shutdown();
    }

    fn into_parts(self: Box<Self>) -> Option<(T, BytesMut)> {
        None
    }
}
