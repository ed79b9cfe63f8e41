//! `ListenerExt`: what can be added to any listener, as axum's trait of the same name.

use std::{fmt, io};

use super::{LimitConnections, Listener};

/// What can be added to any [`Listener`], as axum's trait of the same name.
///
/// # Examples
/// ```
/// use leasehold::http::serve::ListenerExt;
/// use tokio::net::TcpListener;
///
/// # async fn run() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?.tap_io(|stream| {
///     let _ = stream.set_linger(None); // whatever a connection needs when it is accepted
/// });
/// # drop(listener);
/// # Ok(()) }
/// ```
pub trait ListenerExt: Listener + Sized {
    /// Calls `tap` with each connection that is accepted.
    fn tap_io<F>(self, tap: F) -> TapIo<Self, F>
    where
        F: FnMut(&mut Self::Io) + Send + 'static,
    {
        TapIo { listener: self, tap }
    }

    /// Accepts a connection only while fewer than `count` of the earlier ones are open. At least
    /// one is accepted.
    ///
    /// Other than with [`Serve::max_connections`](super::Serve::max_connections), an upgraded
    /// connection counts until it is closed. A socket is still a socket behind this: its type is
    /// [`AnyStream`](crate::io::AnyStream).
    ///
    /// # Examples
    /// ```no_run
    /// use axum::Router;
    /// use leasehold::http::{serve, serve::ListenerExt};
    /// use tokio::net::TcpListener;
    ///
    /// # async fn run() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:8080").await?.limit_connections(10_000);
    /// serve(listener, Router::new()).await?;
    /// # Ok(()) }
    /// ```
    fn limit_connections(self, count: usize) -> LimitConnections<Self> {
        LimitConnections::new(self, count)
    }
}

impl<L: Listener> ListenerExt for L {}

/// The listener of [`ListenerExt::tap_io`].
///
/// # Examples
/// At [`ListenerExt`].
pub struct TapIo<L, F> {
    listener: L,
    tap: F,
}

impl<L: Listener, F: FnMut(&mut L::Io) + Send + 'static> Listener for TapIo<L, F> {
    type Io = L::Io;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (L::Io, L::Addr) {
        let (mut io, client) = self.listener.accept().await;
        (self.tap)(&mut io);
        (io, client)
    }

    fn accept_ready(&mut self) -> Option<(L::Io, L::Addr)> {
        let (mut io, client) = self.listener.accept_ready()?;
        (self.tap)(&mut io);
        Some((io, client))
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

impl<L: fmt::Debug, F> fmt::Debug for TapIo<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapIo").field("listener", &self.listener).finish_non_exhaustive()
    }
}
