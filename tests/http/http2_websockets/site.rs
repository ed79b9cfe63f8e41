//! What is served: our echo at `/ours`, that of axum at `/axums`, and `/hello`.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::ws::{Message as AxumMessage, WebSocketUpgrade as AxumUpgrade},
    response::Response as AxumResponse,
    routing::{any, get},
};
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{
    Chain, Pool,
    http::{
        BytesBody,
        serve::{Serve, Shutdown, from_hyper, serve},
    },
    io::AnyStream,
    ws::{Acceptor, Config, Deflate, Message, WebSocket, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

use super::client::{Client, PATIENCE};
use crate::support::handshake::client::until;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Ours,
    OursWithAxum,
    Hyper,
    Axum,
}

pub(crate) const SERVERS: [Server; 4] =
    [Server::Ours, Server::OursWithAxum, Server::Hyper, Server::Axum];

impl Server {
    /// The paths of its echoes.
    pub(crate) fn echoes(self) -> &'static [&'static str] {
        match self {
            Self::Ours | Self::Hyper => &["/ours"],
            Self::OursWithAxum | Self::Axum => &["/ours", "/axums"],
        }
    }
}

pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) deflate: Deflate,
    pub(crate) address: SocketAddr,
    /// How our sockets ended: with the last that they received.
    pub(crate) ends: Ends,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Option<Shutdown>>,
}

pub(crate) type Ends = Arc<Mutex<Vec<String>>>;

impl Site {
    pub(crate) async fn start(server: Server) -> Self {
        Self::start_with(server, Set::default()).await
    }

    pub(crate) async fn start_with(server: Server, set: Set) -> Self {
        let pool = Pool::new(32 << 20).expect("a pool");
        let deflate = Deflate::builder().max_compressors(1).build(&pool).expect("room");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let ends = Ends::default();
        let config = Arc::new(Config::new().deflate(&deflate));
        let echo = Echo { pool: pool.clone(), config, ends: Arc::clone(&ends) };
        let server = match server {
            Server::Ours => {
                let service = service_fn(move |request| echo.clone().answer(request));
                let server = set.apply(serve(listener, from_hyper(service))).pool(&pool, 1 << 20);
                let server = server.with_graceful_shutdown(stopped).into_future();
                tokio::spawn(async { server.await.ok() })
            }
            Server::OursWithAxum => {
                let server = set.apply(serve(listener, echo.router())).pool(&pool, 1 << 20);
                let server = server.with_graceful_shutdown(stopped).into_future();
                tokio::spawn(async { server.await.ok() })
            }
            Server::Hyper => tokio::spawn(serve_with_hyper(listener, echo)),
            Server::Axum => {
                let server = axum::serve(listener, echo.router()).with_graceful_shutdown(stopped);
                tokio::spawn(async { server.await.map(|()| None).ok().flatten() })
            }
        };
        Self { pool, deflate, address, ends, stop: Some(stop), server }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("it stops once").send(()).expect("the server waits");
    }

    /// Waits until a server of ours has ended. Returns how many connections and sockets it has cut.
    pub(crate) async fn ended(self) -> usize {
        let shutdown = timeout(PATIENCE, self.server).await.expect("an end in time");
        assert_eq!(self.pool.leased(), self.deflate.reserved());
        shutdown.expect("no panic").expect("a server of ours").cut()
    }

    /// The clients have gone, and all is home.
    pub(crate) async fn come_home(self) {
        until(|| self.pool.leased() == self.deflate.reserved()).await;
    }
}

/// Settings of our servers.
pub(crate) struct Set {
    pub(crate) idle_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
}

impl Default for Set {
    fn default() -> Self {
        Self { idle_timeout: PATIENCE, shutdown_timeout: PATIENCE }
    }
}

impl Set {
    fn apply<L, S>(&self, server: Serve<L, S>) -> Serve<L, S> {
        server.idle_timeout(self.idle_timeout).shutdown_timeout(self.shutdown_timeout)
    }
}

async fn serve_with_hyper(listener: TcpListener, echo: Echo) -> Option<Shutdown> {
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let echo = echo.clone();
        let service = service_fn(move |request| echo.clone().answer(request));
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.enable_connect_protocol();
        tokio::spawn(builder.serve_connection(TokioIo::new(socket), service));
    }
}

#[derive(Clone)]
struct Echo {
    pool: Pool,
    config: Arc<Config>,
    ends: Ends,
}

impl Echo {
    /// On hyper.
    async fn answer<B>(self, mut request: Request<B>) -> Result<Response<BytesBody>, Infallible> {
        if request.uri().path() == "/hello" {
            return Ok(Response::new(BytesBody::new(Chain::from("hello"))));
        }
        let acceptor = Acceptor::new().protocols(["chat"]).config(self.config);
        match acceptor.upgrade(&mut request) {
            Ok((response, upgrade)) => {
                tokio::spawn(async move {
                    let socket = upgrade.accept(&self.pool).await.expect("a socket");
                    echo(socket, self.ends).await
                });
                Ok(response)
            }
            Err(error) => Ok(error.into_response()),
        }
    }

    /// On axum.
    fn router(self) -> Router {
        let Self { pool, config, ends } = self;
        let ours = async move |upgrade: WebSocketUpgrade| -> AxumResponse {
            upgrade.protocols(["chat"]).config(config).on_upgrade(|socket| echo(socket, ends))
        };
        let axums = async |upgrade: AxumUpgrade| -> AxumResponse {
            upgrade.protocols(["chat"]).on_upgrade(async |mut socket| {
                while let Some(Ok(message)) = socket.recv().await {
                    let is_data = matches!(message, AxumMessage::Text(_) | AxumMessage::Binary(_));
                    if is_data && socket.send(message).await.is_err() {
                        return;
                    }
                }
            })
        };
        Router::new()
            .route("/ours", any(ours))
            .route("/axums", any(axums))
            .route("/hello", get(async || "hello"))
            .with_state(pool)
    }
}

/// Long enough: h2 ends a connection that has too many short frames that were not read.
pub(crate) fn flood() -> String {
    "flood".repeat(4_000)
}

/// Answers data with themselves. [`flood`] is answered until the client goes, "end" with a close.
async fn echo(mut socket: WebSocket<AnyStream>, ends: Ends) {
    let mut last = "nothing".to_owned();
    while let Some(received) = socket.recv().await {
        last = format!("{received:?}");
        let Ok(message) = received else { continue };
        if message == Message::from("end") {
            last = format!("{:?}", socket.close(None).await);
            break;
        }
        let is_flood = message == Message::from(flood());
        while message.is_data() {
            if socket.send(message.clone()).await.is_err() || !is_flood {
                break;
            }
        }
    }
    ends.lock().expect("no panic").push(last);
}
