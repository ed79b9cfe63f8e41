//! What is served.

use std::{convert::Infallible, future::IntoFuture, net::SocketAddr, pin::Pin};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use leasehold::{
    BlockMut, Pool,
    http::serve::{Connections, HyperService, RequestBody, Serve, from_hyper, serve},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::http_full::client::{Client, until};

pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) address: SocketAddr,
    connections: Connections,
    server: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn end(self, client: Client) {
        drop(client);
        self.settle().await;
    }

    pub(crate) async fn settle(self) {
        until(|| self.connections.open() == 0).await;
        assert_eq!(self.pool.leased(), 0);
        self.server.abort();
    }
}

pub(crate) async fn start<S, R>(
    budget: usize,
    set: impl FnOnce(Serve<TcpListener, HyperService<Answers>>) -> Serve<TcpListener, S>,
) -> Site
where
    Serve<TcpListener, S>: IntoFuture<Output = R, IntoFuture: Send + 'static>,
    S: Send + 'static,
    R: Send + 'static,
{
    let pool = Pool::new(budget).expect("a pool");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server = set(serve(listener, from_hyper(Answers)).pool(&pool, 100_000));
    let connections = server.connections();
    let server = server.into_future();
    Site { pool, address, connections, server: tokio::spawn(async move { _ = server.await }) }
}

/// Takes all that the pool has.
pub(crate) fn fill(pool: &Pool) -> Vec<BlockMut> {
    let held = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
    assert!(pool.try_reserve(1000).is_err());
    held
}

#[derive(Clone)]
pub(crate) struct Answers;

impl hyper::service::Service<Request<RequestBody>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        Box::pin(async {
            let body = request.into_body().collect().await.expect("a body").to_bytes();
            Ok(Response::new(Full::from(format!("heard {} bytes", body.len()))))
        })
    }
}
