//! An echo on `/echo`, behind each server.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, response::Response as AxumResponse, routing::any};
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::{
        BytesBody,
        serve::{Connections, from_hyper, serve},
    },
    io::AnyStream,
    ws::{Acceptor, Error, Message, WebSocket, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::client::until;

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

/// The subprotocols that are spoken, the one we like least first.
const PROTOCOLS: [&str; 2] = ["superchat", "chat"];

pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) address: SocketAddr,
    /// What became of upgrades that failed.
    pub(crate) failures: Arc<Mutex<Vec<Error>>>,
    /// Of our servers.
    pub(crate) connections: Option<Connections>,
    /// Shuts the server down.
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start(server: Server) -> Self {
        Self::start_with(server, Pool::new(8 << 20).expect("a pool")).await
    }

    pub(crate) async fn start_with(server: Server, pool: Pool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();

        let echo = Echo::new(&pool);
        let failures = Arc::clone(&echo.failures);
        let mut connections = None;
        let ended = match server {
            Server::Ours => {
                let service = service_fn(move |request| echo.clone().answer(request));
                let server = serve(listener, from_hyper(service))
                    .pool(&pool, 1 << 20)
                    .linger(Duration::ZERO);
                connections = Some(server.connections());
                let server =
                    server.with_graceful_shutdown(async { drop(stopped.await) }).into_future();
                tokio::spawn(async { drop(server.await) })
            }
            Server::OursWithAxum => {
                let server =
                    serve(listener, echo.router()).pool(&pool, 1 << 20).linger(Duration::ZERO);
                connections = Some(server.connections());
                let server =
                    server.with_graceful_shutdown(async { drop(stopped.await) }).into_future();
                tokio::spawn(async { drop(server.await) })
            }
            Server::Hyper => tokio::spawn(serve_with_hyper(listener, echo, stopped)),
            Server::Axum => {
                let server = axum::serve(listener, echo.router());
                let server =
                    server.with_graceful_shutdown(async { drop(stopped.await) }).into_future();
                tokio::spawn(async { server.await.expect("axum's server never fails") })
            }
        };
        Self { pool, address, failures, connections, stop, ended }
    }

    /// Nothing failed, and all is home.
    pub(crate) async fn end(self) {
        until(|| self.pool.leased() == 0).await;
        let failures = self.failures.lock().expect("no panic");
        assert!(failures.is_empty(), "{failures:?}");
    }
}

/// Until it is to stop: then it accepts no more.
async fn serve_with_hyper(listener: TcpListener, echo: Echo, mut stopped: oneshot::Receiver<()>) {
    loop {
        let (socket, _) = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection"),
            _ = &mut stopped => return,
        };
        let echo = echo.clone();
        let service = service_fn(move |request| echo.clone().answer(request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service);
        tokio::spawn(connection.with_upgrades());
    }
}

/// A service that echoes.
#[derive(Clone)]
pub(crate) struct Echo {
    pool: Pool,
    failures: Arc<Mutex<Vec<Error>>>,
}

impl Echo {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self { pool: pool.clone(), failures: Arc::default() }
    }

    /// On hyper.
    async fn answer<B>(self, mut request: Request<B>) -> Result<Response<BytesBody>, Infallible> {
        match Acceptor::new().protocols(PROTOCOLS).upgrade(&mut request) {
            Ok((response, upgrade)) => {
                tokio::spawn(async move {
                    match upgrade.accept(&self.pool).await {
                        Ok(socket) => echo(socket).await,
                        Err(error) => self.failures.lock().expect("no panic").push(error),
                    }
                });
                Ok(response)
            }
            Err(error) => Ok(error.into_response()),
        }
    }

    /// On axum.
    pub(crate) fn router(self) -> Router {
        let failures = self.failures;
        let answer = async move |upgrade: WebSocketUpgrade| -> AxumResponse {
            upgrade
                .protocols(PROTOCOLS)
                .on_failed_upgrade(move |error| failures.lock().expect("no panic").push(error))
                .on_upgrade(echo)
        };
        Router::new().route("/echo", any(answer)).with_state(self.pool)
    }
}

/// Answers data with themselves, and "bare?" with whether the transport is a bare socket.
async fn echo(mut socket: WebSocket<AnyStream>) {
    while let Some(Ok(message)) = socket.recv().await {
        let answer = match message {
            message if message == Message::from("bare?") => {
                Message::text(is_bare(socket.get_ref()).to_string())
            }
            message if message.is_data() => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

/// A box tells nothing of what is in it.
fn is_bare(io: &AnyStream) -> bool {
    format!("{io:?}") != "AnyStream(..)"
}
