//! A server for hyper, tower and axum services that parks its connections.
//!
//! Stock hyper keeps some 18 KB for an idle keep-alive connection, and 428 KB after one upload of a
//! mebibyte. This server takes a connection apart to its bare socket when it has nothing to do, and
//! gives it to hyper again with its next request. It is stock hyper, no fork, with the same bytes
//! on the wire. A connection lingers for a moment before it is parked, so that a busy connection
//! costs what it costs with hyper.
//!
//! hyper gets a connection with a whole head. A partial head costs only its bytes; the connection
//! is closed after [`header_timeout`](Serve::header_timeout). A client that stops reading its
//! response is cut after [`stall_timeout`](Serve::stall_timeout).
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
mod app;
mod app_drivers;
mod awake;
#[cfg(feature = "axum")]
mod axum_app;
#[cfg(feature = "axum")]
mod axum_listener;
#[cfg(feature = "axum")]
mod axum_routes;
mod body_wait;
mod box_error;
mod builders;
mod client_wait;
mod configure;
mod connection;
mod connection_state;
mod connections;
mod driver;
mod farewell;
mod head;
mod http2_room;
mod hyper_service;
mod incoming_stream;
mod limit_connections;
mod listener;
mod listener_ext;
mod open_body;
mod peer;
mod phase;
mod remote_addr;
mod request_body;
mod response_body;
mod room;
mod run;
mod serve_connection;
mod server;
mod service_drivers;
mod settings;
mod shutdown;
mod spawner;
mod stream_body;
mod stream_data;
mod stream_executor;
mod stream_room;
mod stream_service;
mod tracked_io;
mod tracked_service;
mod tunnel;
mod upgraded;
mod waiting_heads;

pub(crate) use self::tunnel::Tunnel;
pub use self::{
    app::{App, ViaService},
    box_error::BoxError,
    connections::Connections,
    hyper_service::{HyperService, IncomingService, from_hyper, from_incoming},
    incoming_stream::IncomingStream,
    limit_connections::LimitConnections,
    listener::Listener,
    listener_ext::{ListenerExt, TapIo},
    remote_addr::RemoteAddr,
    request_body::RequestBody,
    serve_connection::ServeConnection,
    server::{NoListener, Server},
    shutdown::Shutdown,
    stream_executor::StreamExecutor,
    upgraded::into_socket,
};
#[cfg(feature = "axum")]
pub use self::{
    axum_app::ViaMakeService,
    axum_listener::{AxumListener, from_axum},
};

use std::{
    fmt,
    future::{Future, IntoFuture},
    io,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use self::{
    app_drivers::AppDrivers,
    connection::Shared,
    run::run,
    settings::{AccountSettings, Settings},
};
use crate::{io::ServerState, pool::Account, util::TICK};

/// Serves HTTP with `service` on the connections of `listener`: HTTP/1.1, and HTTP/2 for clients
/// that begin with it.
///
/// `service` is a tower service of `Request<RequestBody>`, such as an axum `Router`; [`from_hyper`]
/// and [`from_incoming`] make one of a hyper service. The server runs while the returned [`Serve`]
/// is awaited: for ever, or until its graceful shutdown is over. If that future is dropped, no more
/// connections are accepted, and open ones are served to their end.
///
/// # Errors
/// None at present: the listener waits out its own errors. The result is there for `?`.
///
/// # Examples
/// In [the module's docs](self).
pub fn serve<L: Listener, A: App<L, Via>, Via>(listener: L, app: A) -> Serve<L, A, Via> {
    Serve::new(listener, app)
}

/// A server with its settings, made by [`serve`]; await it to run it.
///
/// [`Server::builder`] makes one without a listener, for an accept loop of one's own.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use axum::Router;
/// use leasehold::{Pool, http::serve};
///
/// # async fn run(listener: tokio::net::TcpListener, app: Router) -> std::io::Result<()> {
/// let pool = Pool::new(64 << 20).expect("a budget of at least 1 MiB");
/// serve(listener, app)
///     .pool(&pool, 4 << 20) // at most 4 MiB for the requests of a connection
///     .max_connections(100_000)
///     .header_timeout(Duration::from_secs(10))
///     .stall_timeout(Duration::from_secs(30))
///     .max_unsent(128 << 10) // many clients read slowly
///     .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
///     .shutdown_timeout(Duration::from_secs(30))
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "a server does nothing unless it is awaited, or built"]
pub struct Serve<L, A, Via = ViaService> {
    listener: L,
    app: A,
    settings: Settings,
    signal: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    server: Arc<ServerState>,
    connections: Connections,
    _via: PhantomData<fn() -> Via>,
}

impl<L, A, Via> Serve<L, A, Via> {
    fn new(listener: L, app: A) -> Self {
        let server = Arc::new(ServerState::default());
        let connections = Connections::new(&server);
        let settings = Settings::default();
        Self { listener, app, settings, signal: None, server, connections, _via: PhantomData }
    }

    /// Sets how long a connection may wait for its first or its next request; 75 s by default.
    ///
    /// A connection of HTTP/2 is not idle while a tunnel on it is open, such as a
    /// [`WebSocket`](crate::ws::WebSocket).
    ///
    /// No deadline of the server ends a connection early. It ends at most half a second late while
    /// the runtime keeps up.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// Sets how long the head of a request may take, counted from its first byte; 30 s by default.
    /// More bytes do not extend it.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.settings.header_timeout = timeout;
        self
    }

    /// Sets how long a client may stop reading its response, or sending a body that the service
    /// waits for; 60 s by default, as nginx's `send_timeout` and `client_body_timeout`. Then its
    /// connection is ended, and all that it held goes home. `Duration::MAX` is no limit; the least
    /// is a quarter of a second.
    ///
    /// The time counts from the last progress. For a response, that is when the transport last took
    /// some of it. For a request's body, that is when the service asked for more than had come. A
    /// slow service is never cut, nor a response that has nothing to send at the moment.
    ///
    /// A trickle is progress: an upload of one byte a second keeps its connection. A client that
    /// reads slowly keeps its connection too, if it reads enough in time for the system to take
    /// more of the response. That is about a third of what the system holds;
    /// [`max_unsent`](Self::max_unsent) makes it less.
    ///
    /// Three things are not seen: HTTP/2 bodies that do not come; HTTP/2 clients that read but do
    /// not widen their window, without a [`pool`](Self::pool); and bodies that were made hyper's
    /// own ([`RequestBody::into_incoming`]). With a pool, a client of HTTP/2 is cut if it takes
    /// nothing of any response.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.settings.stall_timeout = timeout.max(TICK);
        self
    }

    /// Sets how long an idle connection stays with hyper before it is parked; 1 s by default. 0
    /// parks it after each request.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// Sets how many bytes hyper may hold for all lingering connections; 16 MiB by default. One
    /// holds 18 KiB, and up to 418 KiB after a large upload. Above the limit, connections are
    /// parked at once.
    pub fn max_warm(mut self, bytes: usize) -> Self {
        self.settings.max_warm = bytes;
        self
    }

    /// Sets how many connections may be open; no limit by default. At the limit, a new one is
    /// accepted if another one is idle, and that one is closed ([`evict_idle`](Self::evict_idle)).
    /// So there may be one more, until that one has ended. Otherwise no more are accepted. Upgraded
    /// connections do not count, unless [`count_upgraded`](Self::count_upgraded) says so.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.settings.max_connections = count.max(1);
        self
    }

    /// Sets whether the connection that was idle for longest is closed for a new one, when
    /// [`max_connections`](Self::max_connections) are open; it is by default. A connection is idle
    /// while it waits, parked, for the first byte of a request. Connections of HTTP/2 and other
    /// transports than bare sockets are not parked, and so they stay.
    pub fn evict_idle(mut self, evict: bool) -> Self {
        self.settings.evict_idle = evict;
        self
    }

    /// Sets whether upgraded connections count too, such as WebSockets, for
    /// [`max_connections`](Self::max_connections); they do not by default.
    pub fn count_upgraded(mut self, count: bool) -> Self {
        self.settings.count_upgraded = count;
        self
    }

    /// Sets how many bytes of a connection's responses the kernel may take ahead of the network, on
    /// TCP ([`limit_unsent`](crate::io::limit_unsent)).
    ///
    /// No limit by default, as with stock hyper: the kernel may then hold megabytes for each client
    /// that does not read, and no account sees them. 128 KiB is a good bound. Over loopback, where
    /// nothing else costs time, it costs a third of the rate of responses of 1 MiB.
    pub fn max_unsent(mut self, bytes: u32) -> Self {
        self.settings.max_unsent = Some(bytes);
        self
    }

    /// Opens an account of at most `limit` bytes inside `pool` for each connection that is awake.
    /// The service gets it as an extension of each request: an [`Account`]. While the pool's
    /// pressure is high, connections are parked at once; the pressure is looked at four times a
    /// second.
    ///
    /// What hyper holds for an awake connection is reserved in the pool too: 18 KiB, or 36 KiB for
    /// HTTP/2. All awake connections together get at most half of the pool; services have what is
    /// left by them, by half heads and by the streams of HTTP/2. A whole head for which there is no
    /// room waits in line, until its deadline or the pool's `max_wait`. Then its client is answered
    /// 503 with Retry-After, and the connection is closed in order. A client of HTTP/2 gets a
    /// GOAWAY with ENHANCE_YOUR_CALM instead.
    ///
    /// A sixteenth of the pool, at most 8 MiB, is set aside for waiting heads, while the server or
    /// a connection of it lives. Each holds its bytes and 512 more; when the room is full, the next
    /// head is answered 503 at once. Half heads have a quarter of the pool together, so that they
    /// never hold up whole ones. When that is full, they are answered 503.
    ///
    /// The streams of HTTP/2 have room of their own, at most a quarter of the pool: some 3 KiB for
    /// each, 64 KiB more for a tunnel, the [window](Self::http2_window) of a connection while it
    /// has a request with a body, and what hyper holds of its responses. A request for which there
    /// is no room is answered 503. A response for which there is no room waits until the client has
    /// taken what was sent before. A client may have 100 streams at a time.
    ///
    /// Three things are not counted: the first 512 bytes of a half head; the growth of hyper's
    /// buffer, up to 408 KiB, while it reads a body or a head of more than 4 KiB of HTTP/1; and
    /// what code outside of this crate makes of an upgraded stream of HTTP/2.
    pub fn pool(mut self, pool: &Account, limit: usize) -> Self {
        self.settings.account = Some(AccountSettings::new(pool, limit));
        self
    }

    /// Sets how long the graceful shutdown may take, from its signal on; no limit by default, as
    /// `axum::serve`.
    ///
    /// When the time is over, everything that is left is ended: requests, streams, HTTP/2
    /// connections, and upgraded sockets, whose reads and writes then fail. [`Shutdown::cut`] says
    /// how many. A task that does not poll its socket, or blocks its thread, is not waited for.
    ///
    /// With a limit the server waits for upgraded sockets too. Without a limit it does not: they
    /// might never end. It waits for all connections of HTTP/2, with the tunnels on them.
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

    /// Returns a handle that tells how many connections the running server has, and how many are
    /// awake.
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

impl<L: Listener, A, Via> Serve<L, A, Via> {
    /// Stops when `signal` is ready. No more connections are accepted, idle ones are closed, and
    /// requests that have come are answered.
    ///
    /// A request has come if its first byte has come. That includes half heads, requests behind the
    /// one in flight, requests that wait for room, and requests on connections that were not
    /// accepted yet. Each is answered, or ended by its deadline. A request that begins later is not
    /// answered. The last response on a connection says `connection: close`, unless it was made
    /// before the server could know that it is the last.
    ///
    /// A client of HTTP/2 is told by GOAWAY. A [`WebSocket`](crate::ws::WebSocket) that was
    /// upgraded here, alone or in a hub, sends a close frame with 1001 (going away) once its task
    /// waits to receive; its peer has the socket's `close_timeout` to answer. Other upgraded
    /// sockets go on until [`shutdown_timeout`](Self::shutdown_timeout) is over. On HTTP/2 they are
    /// a part of their connection, and a server without that limit waits for them.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.signal = Some(Box::pin(signal));
        self
    }

    /// The address that the listener is bound to.
    ///
    /// # Errors
    /// The listener does not tell it.
    pub fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

impl<L: fmt::Debug, A, Via> fmt::Debug for Serve<L, A, Via> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("settings", &self.settings)
            .field("stops_gracefully", &self.signal.is_some())
            .finish_non_exhaustive()
    }
}

impl<L: Listener, A: App<L, Via>, Via: 'static> IntoFuture for Serve<L, A, Via> {
    type Output = io::Result<Shutdown>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Shutdown>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { listener, mut app, settings, signal, server, connections, _via } = self;
        app.begin();
        let (opener, maker) = if A::is_kept() { (Some(app), None) } else { (None, Some(app)) };
        let drivers = Box::new(AppDrivers::<A, L, Via>::new(maker));
        let settings = settings.begin();
        let shared = Shared { drivers, server, connections, settings };
        Box::pin(run(listener, opener, shared, signal))
    }
}
