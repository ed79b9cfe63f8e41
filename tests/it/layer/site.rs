//! Servers, and what they serve.

use std::{
    convert::Infallible,
    future::IntoFuture,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    body::Body,
    response::Response,
    routing::{any, post},
};
use bytes::Bytes;
use futures_util::StreamExt;
use leasehold::{Chain, Pool, http::serve::serve};
use tokio::{net::TcpListener, time::sleep};

use crate::layer::client::PATIENCE;

/// Who serves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Server {
    /// The one that parks its connections, as soon as it may.
    Parking,
    /// axum's own, on stock hyper.
    Stock,
}

pub(crate) const SERVERS: [Server; 2] = [Server::Parking, Server::Stock];

impl Server {
    /// Serves a router on a free port.
    pub(crate) async fn start(self, app: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        match self {
            Self::Parking => {
                drop(tokio::spawn(serve(listener, app).linger(Duration::ZERO).into_future()))
            }
            Self::Stock => drop(tokio::spawn(axum::serve(listener, app).into_future())),
        }
        address
    }
}

/// A piece of a response that goes on for ever.
pub(crate) const PIECE: &[u8] = &[b'x'; 16 << 10];

/// Handlers that end in each way, in whose accounts uploads are collected.
pub(crate) fn routes(pool: &Pool) -> Router {
    let endless = async || {
        Body::from_stream(futures_util::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(
            PIECE,
        ))))
    };
    let broken = async || {
        let first = futures_util::stream::iter([Ok(Bytes::from_static(PIECE))]);
        Body::from_stream(first.chain(futures_util::stream::once(async {
            Err(std::io::Error::other("as the test asked"))
        })))
    };
    Router::new()
        .route("/echo", post(async |body: Chain| body))
        .route("/wait", post(async |_body: Chain| std::future::pending::<Response>().await))
        .route("/panic", post(async |_body: Chain| -> Response { panic!("as the test asked") }))
        .route("/endless", any(endless))
        .route("/broken", any(broken))
        .layer(Extension(pool.clone()))
        // Else axum makes each handler anew for each request, and a layer of all of them with it.
        .with_state(())
}

/// Bytes of leased blocks.
pub(crate) fn in_blocks(pool: &Pool) -> usize {
    let stats = pool.stats();
    stats.leased - stats.reserved
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{place}: it does not come to be");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Waits until nothing is charged or reserved.
#[track_caller]
pub(crate) fn until_home(pool: &Pool) -> impl Future<Output = ()> {
    until(|| (pool.leased(), pool.stats().reserved) == (0, 0))
}
