//! `Server`: a server without a listener, for an accept loop of the user's own.

use std::{
    fmt,
    future::ready,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Release},
        },
    },
};

use ::http::{Request, Response};
use http_body::Body;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tower_service::Service;

use super::{
    BoxError, Connections, RequestBody, Serve, ServeConnection, Shutdown,
    connection::Shared,
    room::Room,
    run::{tick, wind_down},
    service_drivers::ServiceDrivers,
    settings::Settings,
};
use crate::io::ServerState;

/// A server without a listener, for an accept loop of one's own: each connection is handed in, with
/// a service of its own.
///
/// Its connections are parked, timed, counted and stopped as those of [`serve`](super::serve). A
/// clone is the same server. Connections go on when all handles are gone.
///
/// # Examples
/// hyper's loop, with the client's address in each service:
/// ```
/// use std::{convert::Infallible, time::Duration};
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper::{Response, service::service_fn};
/// use leasehold::http::serve::{Server, from_hyper};
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let stop = tokio::time::sleep(Duration::from_millis(10));
/// # tokio::pin!(stop);
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let server = Server::builder()
///     .idle_timeout(Duration::from_secs(30))
///     .shutdown_timeout(Duration::from_secs(10))
///     .build();
/// loop {
///     let (socket, client) = tokio::select! {
///         accepted = listener.accept() => accepted?,
///         () = &mut stop => break,
///     };
///     let service = service_fn(move |_| async move {
///         Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("you are {client}"))))
///     });
///     let connection = server.serve_connection(socket, from_hyper(service));
///     tokio::spawn(async move {
///         if let Err(error) = connection.await {
///             eprintln!("{client}: {error}");
///         }
///     });
/// }
/// let shutdown = server.shutdown().await;
/// assert_eq!(shutdown.cut(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Server {
    settings: Arc<Settings>,
    state: Arc<ServerState>,
    connections: Connections,
    /// Whether the task of the timer runs.
    is_ticking: Arc<Ticking>,
}

#[derive(Debug, Default)]
struct Ticking(AtomicBool);

/// In place of a listener and an app, in the settings of a [`Server`].
#[derive(Debug)]
pub struct NoListener(());

impl Server {
    /// The settings of a server; [`build`](Serve::build) makes it.
    ///
    /// # Examples
    /// In [the type's docs](Self).
    pub fn builder() -> Serve<NoListener, NoListener> {
        Serve::new(NoListener(()), NoListener(()))
    }

    /// Serves HTTP with `service` on one connection, to its end. The returned future must be
    /// awaited, or be spawned as a task. Spawn it as it is: a task that wraps it is larger, and an
    /// idle connection is little else than its task.
    ///
    /// `service` is a tower service of `Request<RequestBody>`, such as an axum `Router`.
    /// [`from_hyper`](super::from_hyper) and [`from_incoming`](super::from_incoming) make one of a
    /// hyper service. Call `with_state(())` once on a `Router` without state, before the loop:
    /// otherwise it makes its handlers anew for each request.
    ///
    /// [`max_connections`](Serve::max_connections) does not bind here; [`ready`](Self::ready) waits
    /// for it. The timer of the server is a task of its own, in the runtime of the first call.
    ///
    /// # Panics
    /// Outside of a tokio runtime, unless the server has an executor of its own.
    pub fn serve_connection<T, S, B>(&self, io: T, service: S) -> ServeConnection<T>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<
                Request<RequestBody>,
                Response = Response<B>,
                Error: Into<BoxError>,
                Future: Send + 'static,
            > + Clone
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        self.begin_ticking();
        let room = self.room();
        let shared = Shared {
            drivers: Box::new(ServiceDrivers::new(service)),
            settings: Arc::clone(&self.settings),
            server: Arc::clone(&self.state),
            connections: self.connections.clone(),
        };
        let connection = ServeConnection::new(shared, io);
        room.make();
        connection
    }

    /// Waits until the server may have one more connection
    /// ([`max_connections`](Serve::max_connections)): until one has ended, or is idle and may be
    /// closed for the new one ([`evict_idle`](Serve::evict_idle)).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn ready(&self) {
        self.room().ready().await;
    }

    /// Stops in order, as [`with_graceful_shutdown`](Serve::with_graceful_shutdown) does: idle
    /// connections are closed, and requests that have come are answered. Connections that are
    /// handed in from here on are served only as far as their first bytes are there already.
    ///
    /// Returns when all have ended, or when [`shutdown_timeout`](Serve::shutdown_timeout) is over.
    ///
    /// # Cancel safety
    /// The stop stays begun. Another call waits on, with a timeout of its own.
    pub async fn shutdown(&self) -> Shutdown {
        let since = Instant::now();
        self.state.stop();
        let timeout = self.settings.shutdown_timeout;
        wind_down(&self.state, &self.connections, ready(()), since, timeout).await
    }

    /// Returns a handle that tells how many connections the server has, and how many are awake.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    fn room(&self) -> Room<'_> {
        Room::new(&self.settings, &self.state, &self.connections)
    }

    /// Spawns the timer, unless it runs. It ends with its runtime, and is spawned again then.
    fn begin_ticking(&self) {
        /// Notes the end of the timer.
        struct UntilDropped(Arc<Ticking>);

        impl Drop for UntilDropped {
            fn drop(&mut self) {
                self.0.0.store(false, Release);
            }
        }

        if !self.is_ticking.0.swap(true, AcqRel) {
            let ticking = UntilDropped(Arc::clone(&self.is_ticking));
            let tick = tick(&self.state, &self.settings.account);
            self.settings.builders.spawner.spawn(async move {
                let _ticking = ticking;
                tick.await;
            });
        }
    }
}

impl Serve<NoListener, NoListener> {
    /// Makes the server of these settings.
    ///
    /// # Examples
    /// In the docs of [`Server`].
    pub fn build(self) -> Server {
        Server {
            settings: self.settings.begin(),
            state: self.server,
            connections: self.connections,
            is_ticking: Arc::default(),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
