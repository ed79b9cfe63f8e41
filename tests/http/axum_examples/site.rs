//! `Site`: an app on `axum::serve`, or on `http::serve`. Only the line that serves differs.

use std::{convert::Infallible, fmt::Debug, future::IntoFuture, net::SocketAddr, time::Duration};

use axum::{extract::Request, response::Response, serve::IncomingStream};
use leasehold::{
    Pool,
    http::serve::{App, Connections, serve},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tower::Service;

use super::visitor::Visitor;
use crate::support::http_client::until;

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Axum,
    /// Without a pool. Connections are parked after each request.
    Ours,
    /// With a pool. Connections are parked after each request.
    Pooled,
    /// With a pool. Connections linger.
    Lingering,
}

const SERVERS: [Server; 4] = [Server::Axum, Server::Ours, Server::Pooled, Server::Lingering];

/// A server that runs.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pool: Pool,
    connections: Option<Connections>,
    task: JoinHandle<()>,
}

impl Site {
    async fn start<M, S, Via>(server: Server, app: M) -> Self
    where
        M: for<'a> Service<
                IncomingStream<'a, TcpListener>,
                Response = S,
                Error = Infallible,
                Future: Send,
            > + App<TcpListener, Via>,
        S: Service<Request, Response = Response, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        Via: 'static,
    {
        let pool = Pool::new(4 << 20).expect("a pool");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (task, connections) = if server == Server::Axum {
            let served = axum::serve(listener, app).into_future();
            (tokio::spawn(async { served.await.expect("it serves") }), None)
        } else {
            let mut served = serve(listener, app);
            if server != Server::Lingering {
                served = served.linger(Duration::ZERO);
            }
            if server != Server::Ours {
                served = served.pool(&pool, 1 << 20);
            }
            let connections = served.connections();
            let served = served.into_future();
            let served = async { served.await.map(|_| ()).expect("it serves") };
            (tokio::spawn(served), Some(connections))
        };
        Self { server, address, pool, connections, task }
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// A client of HTTP/1 with a connection of its own.
    pub(crate) async fn visitor(&self) -> Visitor {
        Visitor::new(self.connect().await).await
    }

    /// Waits until all connections are parked, if they are parked after each request.
    pub(crate) async fn rest(&self) {
        if let (Some(connections), Server::Ours | Server::Pooled) = (&self.connections, self.server)
        {
            until(|| connections.parked() == connections.open()).await;
        }
    }

    /// Ends it. All memory comes home.
    async fn end(self) {
        self.task.abort();
        drop(self.task.await);
        until(|| self.pool.leased() == 0).await;
    }
}

/// Visits a new app on each server. All visits see the same; it is returned.
pub(crate) async fn everywhere<M, S, Via, T>(
    app: impl Fn() -> M,
    visit: impl AsyncFn(&Site) -> T,
) -> T
where
    M: for<'a> Service<
            IncomingStream<'a, TcpListener>,
            Response = S,
            Error = Infallible,
            Future: Send,
        > + App<TcpListener, Via>,
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    Via: 'static,
    T: PartialEq + Debug,
{
    let mut seen = Vec::new();
    for server in SERVERS {
        let site = Site::start(server, app()).await;
        seen.push(visit(&site).await);
        site.end().await;
    }
    let axums = seen.remove(0);
    for (server, ours) in SERVERS[1..].iter().zip(seen) {
        assert_eq!(ours, axums, "{server:?} and axum::serve differ");
    }
    axums
}
