//! A server for hyper, tower and axum services that parks its connections.
//!
//! Stock hyper keeps some 18 KB for an idle keep-alive connection, and 428 KB after one upload of a
//! mebibyte. Here a connection that has nothing to do is taken apart to its bare socket, and given
//! to hyper again with its next byte: stock hyper, no fork, the same bytes on the wire. It lingers
//! for a moment first, so that a busy connection costs what it costs with hyper. hyper gets it with
//! a whole head: who sends half of one holds its bytes, and is cut when its time is over. So is who
//! stops reading its response.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use leasehold::{Pool, http::serve};
//!
//! # async fn run() -> std::io::Result<()> {
//! let pool = Pool::new(64 << 20).unwrap();
//! let app: Router = Router::new().route("/", get(|| async { "hello" }));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! serve(listener, app)
//!     .pool(&pool, 4 << 20) // each request has an account, as an extension, of at most 4 MiB
//!     .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
//!     .await?;
//! # Ok(()) }
//! ```

mod admission;
mod body_wait;
mod box_error;
mod connection;
mod connection_state;
mod connections;
mod driver;
mod farewell;
mod head;
mod hyper_service;
mod listener;
mod request_body;
mod response_body;
mod run;
mod settings;
mod shutdown;
mod tracked_io;
mod tracked_service;
mod upgraded;
mod wait;
mod waiting_heads;

pub use self::{
    box_error::BoxError,
    connections::Connections,
    hyper_service::{HyperService, IncomingService, from_hyper, from_incoming},
    listener::Listener,
    request_body::RequestBody,
    shutdown::Shutdown,
    upgraded::into_socket,
};

use std::{
    fmt,
    future::{Future, IntoFuture},
    io,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use ::http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use self::{
    connection::Shared,
    driver::DriversFor,
    run::run,
    settings::{AccountSettings, Settings},
};
use crate::{
    io::{Sleepers, TICK},
    pool::Account,
};

/// Serves HTTP with `service` on the connections of `listener`: HTTP/1.1, and HTTP/2 for clients
/// that begin with it.
///
/// `service` is a tower service of `Request<RequestBody>`, such as an axum `Router`; [`from_hyper`]
/// and [`from_incoming`] make one of a hyper service. Await what is returned: it runs until its
/// graceful shutdown is over, and says how that went, or for ever. Dropped, it accepts no more, and
/// serves the connections that are open.
///
/// # Errors
/// None now: accepting connections is for the listener to get right. The result is for `?`.
pub fn serve<L: Listener, S>(listener: L, service: S) -> Serve<L, S> {
    let sleepers = Arc::new(Sleepers::default());
    let connections = Connections::new(&sleepers);
    Serve { listener, service, settings: Settings::default(), signal: None, sleepers, connections }
}

/// A server to be, made by [`serve`]; await it to run it.
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L, S> {
    listener: L,
    service: S,
    settings: Settings,
    signal: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    sleepers: Arc<Sleepers>,
    connections: Connections,
}

impl<L, S> Serve<L, S> {
    /// How long a connection may wait for its next request, or its first; 75 s by default.
    /// Deadlines are never kept early, and at most half a second late while the runtime keeps up: a
    /// tick of the server's clock that comes late is not made up for.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// How long the head of a request may take from its first byte, whatever comes meanwhile; 30 s
    /// by default.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.settings.header_timeout = timeout;
        self
    }

    /// How long a client may stop reading its response, or sending a body that the service waits
    /// for, before its connection is ended, and all that it held goes home; 60 s by default, as
    /// nginx's `send_timeout` and `client_body_timeout`. `Duration::MAX` is no limit.
    ///
    /// The time counts from the last progress: of a response, from when the transport last took
    /// some of it; of a request's body, from when the service asked for more than had come. A
    /// service that takes its time is never cut, nor a response that has nothing to send.
    ///
    /// A trickle is progress: an upload of one byte a second keeps its connection. So does a client
    /// that reads slowly, if it reads enough in time for the system to take more of the response:
    /// about a third of what it holds, which [`max_unsent`](Self::max_unsent) makes less.
    ///
    /// Out of sight are bodies of HTTP/2 that do not come, its clients that read and give no leave
    /// to send more, and bodies that were made hyper's own ([`RequestBody::into_incoming`]). It is
    /// at least a quarter of a second.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.settings.stall_timeout = timeout.max(TICK);
        self
    }

    /// How long a connection lingers in hyper's hands before it is parked; 1 s by default, 0 parks
    /// after each request.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// How many bytes hyper may hold for connections that linger: 18 KiB for each, and up to 418
    /// after a large upload; 16 MiB by default. Above, they are parked at once.
    pub fn max_warm(mut self, bytes: usize) -> Self {
        self.settings.max_warm = bytes;
        self
    }

    /// How many connections may be open; no more are accepted then. No limit by default. Upgraded
    /// ones do not count.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.settings.max_connections = count.max(1);
        self
    }

    /// How many bytes of its responses the kernel may take of a TCP connection before the network
    /// does ([`limit_unsent`](crate::io::limit_unsent)).
    ///
    /// No limit by default, as with stock hyper: the kernel may then hold megabytes for each client
    /// that does not read, which no account sees. 128 KiB bound that; over loopback, where nothing
    /// else costs time, they cost a third of the rate of responses of 1 MiB.
    pub fn max_unsent(mut self, bytes: u32) -> Self {
        self.settings.max_unsent = Some(bytes);
        self
    }

    /// Whether a connection serves more than one request; it does by default.
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.settings.keep_alive = keep_alive;
        self
    }

    /// Whether clients may begin with HTTP/2; they may by default. Such connections keep hyper's
    /// buffers.
    pub fn http2(mut self, http2: bool) -> Self {
        self.settings.http2 = http2;
        self
    }

    /// The longest head of a request, in bytes; hyper's limit by default.
    pub fn max_header_size(mut self, bytes: usize) -> Self {
        self.settings.max_header_size = Some(bytes);
        self
    }

    /// Opens an account of at most `limit` bytes inside `pool` for each connection that is awake,
    /// and gives it to the service as an extension of each request: an [`Account`]. While the pool's
    /// pressure is high, which is looked at four times a second, connections are parked at once.
    ///
    /// What hyper holds for a connection that is awake is reserved in the pool too: 18 KiB, and 36
    /// KiB for HTTP/2, up to half of the pool; the other half is for services. A whole head for
    /// which there is no room waits in line, until its deadline or the pool's `max_wait`. Its
    /// client is answered 503 with Retry-After then, and the connection is closed in order. A
    /// client of HTTP/2 gets a GOAWAY with ENHANCE_YOUR_CALM instead.
    ///
    /// A sixteenth of the pool, at most 8 MiB, is set aside for heads that wait, while the server
    /// or a connection of it lives: they hold their bytes and 512 more each. One too many is
    /// answered 503 at once. Heads that are not whole have a quarter of the pool together, so that
    /// they never hold up whole ones, and are answered 503 when it is full.
    ///
    /// Not counted are the first 512 bytes of a head that is not whole, and what hyper's buffer
    /// grows by while it reads a body or a head of more than 4 KiB, up to 408 KiB.
    pub fn pool(mut self, pool: &Account, limit: usize) -> Self {
        self.settings.account = Some(AccountSettings::new(pool, limit));
        self
    }

    /// How long the graceful shutdown may take, from its signal on; no limit by default, as
    /// `axum::serve`.
    ///
    /// When it is over, what remains is ended: requests, streams, connections of HTTP/2, and
    /// upgraded sockets, whose reads and writes fail then. [`Shutdown::cut`] says how many. A task
    /// that does not poll its socket, or blocks its thread, is not waited for.
    ///
    /// With a limit the server waits for upgraded sockets too. Without one it does not, as they may
    /// never end.
    ///
    /// # Examples
    /// ```no_run
    /// use std::time::Duration;
    /// use axum::Router;
    /// use leasehold::http::serve;
    ///
    /// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let server = serve(listener, Router::new())
    ///     .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
    ///     .shutdown_timeout(Duration::from_secs(30));
    /// let shutdown = server.await?;
    /// println!("{} connections were cut", shutdown.cut());
    /// # Ok(()) }
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = Some(timeout);
        self
    }

    /// Stops when `signal` is ready: no more connections are accepted, idle ones are closed, and
    /// requests that have come are answered.
    ///
    /// A request has come if its first byte has: half of a head, one behind the request in flight,
    /// one that waits for room, and those on connections that were not accepted yet. Each is
    /// answered, or ended by its deadline. What begins later has no claim. The last response on a
    /// connection says `connection: close`, but for those that were made before the server could
    /// know that.
    ///
    /// A client of HTTP/2 is told by GOAWAY. A [`WebSocket`](crate::ws::WebSocket) that was
    /// upgraded here, and its member of a hub, sends a close frame with 1001 (going away), once its
    /// task waits to receive; its peer has the `close_timeout` of its settings to answer. Other
    /// upgraded sockets go on, until [`shutdown_timeout`](Self::shutdown_timeout) is over.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.signal = Some(Box::pin(signal));
        self
    }

    /// A handle that tells how many connections the server has, and how many are awake, once it
    /// runs.
    ///
    /// # Examples
    /// ```
    /// use std::future::IntoFuture;
    /// use axum::Router;
    /// use leasehold::http::serve;
    /// use tokio::{net::{TcpListener, TcpStream}, task::yield_now};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// let server = serve(listener, Router::new());
    /// let connections = server.connections();
    /// tokio::spawn(server.into_future());
    ///
    /// let client = TcpStream::connect(address).await?;
    /// while connections.accepted() == 0 {
    ///     yield_now().await;
    /// }
    /// assert_eq!((connections.open(), connections.parked()), (1, 1));
    /// # drop(client);
    /// # Ok(()) }
    /// ```
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl<L: fmt::Debug, S> fmt::Debug for Serve<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("settings", &self.settings)
            .field("stops_gracefully", &self.signal.is_some())
            .finish_non_exhaustive()
    }
}

impl<L, S, B> IntoFuture for Serve<L, S>
where
    L: Listener,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Output = io::Result<Shutdown>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Shutdown>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { listener, service, settings, signal, sleepers, connections } = self;
        let drivers = Box::new(DriversFor::new(service, &settings));
        let shared = Shared { drivers, sleepers, connections, settings };
        Box::pin(run(listener, shared, signal))
    }
}
