//! What is served.

use std::{convert::Infallible, future::IntoFuture, net::SocketAddr, pin::Pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use leasehold::{
    Pool,
    http::serve::{HyperService, RequestBody, Serve, Shutdown, from_hyper, serve},
};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::http_stop::client::{Client, PATIENCE};

/// A server, its pool, and its signal.
pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<Shutdown>>,
}

impl Site {
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Without letting any task of the runtime run.
    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("it stops once").send(()).expect("the server waits");
    }

    /// Waits until the server has ended, and how many it has cut; nothing is leased then.
    pub(crate) async fn end(self) -> usize {
        let shutdown =
            timeout(PATIENCE, self.server).await.expect("an end in time").expect("no panic");
        assert_eq!(self.pool.leased(), 0);
        shutdown.expect("no error").cut()
    }
}

/// Serves on a free port, with a pool of a mebibyte: it has room for 28 connections that are awake.
pub(crate) async fn start<S>(
    set: impl FnOnce(Serve<TcpListener, Service>, &Pool) -> Serve<TcpListener, S>,
) -> Site
where
    Serve<TcpListener, S>:
        IntoFuture<Output = std::io::Result<Shutdown>, IntoFuture: Send + 'static>,
{
    let pool = Pool::new(1 << 20).expect("a pool");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = set(serve(listener, from_hyper(Answers)), &pool)
        .with_graceful_shutdown(async { drop(stopped.await) });
    Site { pool, address, stop: Some(stop), server: tokio::spawn(server.into_future()) }
}

pub(crate) async fn start_plain() -> Site {
    start(|server, pool| server.pool(pool, 100_000)).await
}

pub(crate) type Answer =
    Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;
pub(crate) type Service = HyperService<Answers>;

#[derive(Clone)]
pub(crate) struct Answers;

impl hyper::service::Service<Request<RequestBody>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<RequestBody>) -> Answer {
        Box::pin(answer(request))
    }
}

/// Takes as many milliseconds as the path says, and tells the body.
async fn answer(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let millis = request.uri().path()[1..].parse().unwrap_or(0);
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    sleep(Duration::from_millis(millis)).await;
    Ok(Response::new(Full::from(match body {
        Ok(body) => [b"heard ", &body[..]].concat(),
        Err(error) => error.to_string().into_bytes(),
    })))
}
