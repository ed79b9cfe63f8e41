//! `ServeConnection`: one connection of an accept loop of the user's own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    BoxError, RemoteAddr,
    connection::{Connection, Shared},
    peer::Peer,
};

/// A connection that is served to its end: the future of
/// [`Server::serve_connection`](super::Server::serve_connection).
///
/// It is ready when the connection has ended, or was upgraded. If it is dropped, the connection is
/// closed, and its memory goes home.
///
/// # Errors
/// hyper's, of the transport or of the service; a client that was too slow (an
/// [`io::Error`](std::io::Error) of kind `TimedOut`); a server that was out of memory, or has
/// stopped. The client has been answered as far as possible, and there is nothing left to do.
#[must_use = "a connection is served only while this is polled"]
pub struct ServeConnection<T>(Connection<T>);

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> ServeConnection<T> {
    pub(super) fn new(shared: Shared<T>, io: T) -> Self {
        let open = shared.connections.accept();
        let peer = Peer::new(RemoteAddr::unknown());
        Self(Connection::new(Arc::new(shared), open, io, peer))
    }

    /// Sets the address of the client, which a service finds with
    /// [`RequestBody::remote_addr`](super::RequestBody::remote_addr).
    ///
    /// Handlers of axum take a `ConnectInfo` instead: call
    /// `router.into_make_service_with_connect_info::<SocketAddr>()` with the address, and serve the
    /// service that it makes.
    ///
    /// # Examples
    /// ```no_run
    /// use std::net::SocketAddr;
    /// use axum::{Router, extract::ConnectInfo, routing::get};
    /// use leasehold::http::serve::Server;
    /// use tower::Service;
    ///
    /// async fn who(ConnectInfo(client): ConnectInfo<SocketAddr>) -> String {
    ///     format!("you are {client}")
    /// }
    ///
    /// # async fn run(listener: tokio::net::TcpListener)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let app = Router::new().route("/", get(who)).with_state(());
    /// let mut make = app.into_make_service_with_connect_info::<SocketAddr>();
    /// let server = Server::builder().build();
    /// loop {
    ///     let (socket, client) = listener.accept().await?;
    ///     let service = make.call(client).await?;
    ///     tokio::spawn(server.serve_connection(socket, service).remote_addr(client));
    /// }
    /// # }
    /// ```
    pub fn remote_addr(mut self, client: impl Clone + Send + Sync + 'static) -> Self {
        self.0.peer = Peer::new(RemoteAddr::new(client));
        self
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Future for ServeConnection<T> {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_end(cx)
    }
}

impl<T> fmt::Debug for ServeConnection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeConnection").finish_non_exhaustive()
    }
}
