//! A graceful shutdown behind a timeout and a layer that takes notes.

use std::{
    future::IntoFuture,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use leasehold::{Pool, http::serve};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tower::ServiceBuilder;

use super::visitor::Visitor;
use crate::support::http_client::until;

const TIMEOUT: Duration = Duration::from_millis(900);

/// Which requests came, and how they were answered.
type Log = Arc<Mutex<Vec<String>>>;

async fn note(State(log): State<Log>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    log.lock().expect("no panic").push(format!("{path} comes"));
    let response = next.run(request).await;
    log.lock().expect("no panic").push(format!("{path} {}", response.status().as_u16()));
    response
}

fn app(log: Log) -> Router {
    let too_long = async |_: BoxError| (StatusCode::REQUEST_TIMEOUT, "it took too long");
    let slow = async || {
        sleep(TIMEOUT / 3).await;
        "at last"
    };
    Router::new()
        .route("/slow", get(slow))
        .route("/endless", get(std::future::pending::<&'static str>))
        .route("/", get(async || "hello"))
        .layer(ServiceBuilder::new().layer(HandleErrorLayer::new(too_long)).timeout(TIMEOUT))
        .layer(from_fn_with_state(log.clone(), note))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Axum,
    Ours,
    Pooled,
}

impl Server {
    async fn start(
        self,
        app: Router,
        pool: &Pool,
        stop: oneshot::Receiver<()>,
    ) -> (SocketAddr, JoinHandle<io::Result<()>>) {
        let stop = async { drop(stop.await) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = match self {
            Self::Axum => {
                let server = axum::serve(listener, app).with_graceful_shutdown(stop);
                tokio::spawn(server.into_future())
            }
            Self::Ours => {
                let server = serve(listener, app).linger(Duration::ZERO);
                let server = server.with_graceful_shutdown(stop).into_future();
                tokio::spawn(async { server.await.map(drop) })
            }
            Self::Pooled => {
                let server = serve(listener, app).linger(Duration::ZERO).pool(pool, 1 << 20);
                let server = server.with_graceful_shutdown(stop).into_future();
                tokio::spawn(async { server.await.map(drop) })
            }
        };
        (address, task)
    }
}

#[tokio::test]
async fn what_has_come_is_answered_and_what_is_idle_is_closed() {
    for server in [Server::Axum, Server::Ours, Server::Pooled] {
        let (pool, log) = (Pool::new(4 << 20).expect("a pool"), Log::default());
        let (stop, stopped) = oneshot::channel();
        let (address, task) = server.start(app(log.clone()), &pool, stopped).await;
        let connect = async || TcpStream::connect(address).await.expect("a connection");
        let mut idle = Visitor::new(connect().await).await;
        assert_eq!(idle.get("/").await.body, "hello", "{server:?}");
        let (mut slow, mut endless) =
            (Visitor::new(connect().await).await, Visitor::new(connect().await).await);
        let stops = async {
            until(|| log.lock().expect("no panic").len() == 4).await;
            stop.send(()).expect("it waits");
            let Visitor::Http1(idle) = &mut idle else { unreachable!("it is of HTTP/1") };
            // The connection ends: then no more requests can be sent on it.
            until(|| idle.is_closed()).await;
        };
        let (slow, endless, ()) = tokio::join!(slow.get("/slow"), endless.get("/endless"), stops);
        assert_eq!((slow.status.as_u16(), &*slow.body), (200, "at last"), "{server:?}");
        let endless = (endless.status.as_u16(), &*endless.body);
        assert_eq!(endless, (408, "it took too long"), "{server:?}");
        let ended = timeout(Duration::from_secs(10), task).await.expect("an end in time");
        ended.expect("no panic").expect("no error");
        assert!(TcpStream::connect(address).await.is_err(), "{server:?} listens still");
        let mut log = log.lock().expect("no panic").clone();
        log[2..4].sort();
        let noted =
            ["/ comes", "/ 200", "/endless comes", "/slow comes", "/slow 200", "/endless 408"];
        assert_eq!(*log, noted, "{server:?}");
        until(|| pool.leased() == 0).await;
    }
}
