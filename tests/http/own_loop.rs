//! Accept loops of the user's own, with `Server`.

use std::{
    convert::Infallible,
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use leasehold::{
    Account, Pool,
    http::serve::{BoxError, RemoteAddr, RequestBody, Server, from_hyper, from_incoming},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tower::Service;

use crate::support::http_client::{Client, until};

const PATIENCE: Duration = Duration::from_secs(10);

/// Two ends of a connection over loopback.
async fn pair() -> (Client<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Client(near.expect("a connection")), far.expect("a connection").0)
}

fn answer(text: impl Into<Bytes>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from(text.into())))
}

fn hello() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route(
            "/slow",
            get(async || {
                sleep(Duration::from_millis(300)).await;
                "slow"
            }),
        )
        .with_state(())
}

async fn outcome(served: JoinHandle<Result<(), BoxError>>) -> Result<(), BoxError> {
    timeout(PATIENCE, served).await.expect("an end in time").expect("no panic")
}

fn kind(error: &BoxError) -> Option<ErrorKind> {
    error.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
}

#[tokio::test]
async fn a_connection_is_served_parked_and_counted() {
    let pool = Pool::new(4 << 20).expect("a pool");
    let server = Server::builder().linger(Duration::ZERO).pool(&pool, 1 << 20).build();
    let connections = server.connections();
    let (mut client, socket) = pair().await;
    let app = Router::new()
        .route("/", get(async |account: axum::Extension<Account>| account.limit().to_string()))
        .with_state(());
    let served = tokio::spawn(server.serve_connection(socket, app));
    for _ in 0..3 {
        assert!(client.get("/").await.ends_with("\r\n\r\n1048576"));
        until(|| (connections.open(), connections.parked()) == (1, 1)).await;
    }
    drop(client);
    outcome(served).await.expect("the client has left between requests");
    assert_eq!((connections.open(), connections.accepted()), (0, 1));
}

#[tokio::test]
async fn each_connection_has_a_service_of_its_own_kind() {
    let server = Server::builder().build();
    let (mut first, socket) = pair().await;
    tokio::spawn(server.serve_connection(socket, hello()));
    let (mut second, socket) = pair().await;
    let service = service_fn(async |_: Request<RequestBody>| answer("from hyper"));
    tokio::spawn(server.serve_connection(socket, from_hyper(service)));
    let (mut third, socket) = pair().await;
    let service = service_fn(async |_: Request<Incoming>| answer("from Incoming"));
    tokio::spawn(server.serve_connection(socket, from_incoming(service)));
    let (near, far) = tokio::io::duplex(1 << 10);
    let service = tower::service_fn(async |_: Request<RequestBody>| answer("from tower"));
    tokio::spawn(server.serve_connection(far, service));
    assert!(first.get("/").await.ends_with("hello"));
    assert!(second.get("/").await.ends_with("from hyper"));
    assert!(third.get("/").await.ends_with("from Incoming"));
    assert!(Client(near).get("/").await.ends_with("from tower"));
}

#[tokio::test]
async fn services_know_the_client_that_they_are_told_of() {
    let server = Server::builder().linger(Duration::ZERO).build();
    let tell = || {
        from_hyper(service_fn(async |request: Request<RequestBody>| {
            answer(format!("{:?}", request.body().remote_addr().get::<SocketAddr>()))
        }))
    };
    let (mut client, socket) = pair().await;
    let address = client.0.local_addr().expect("an address");
    tokio::spawn(server.serve_connection(socket, tell()).remote_addr(address));
    for _ in 0..2 {
        assert!(client.get("/").await.ends_with(&format!("Some({address})")));
    }
    let (mut unknown, socket) = pair().await;
    tokio::spawn(server.serve_connection(socket, tell()));
    assert!(unknown.get("/").await.ends_with("None"));

    let (mut client, socket) = pair().await;
    let service = service_fn(async |request: Request<Incoming>| {
        let client = request.extensions().get::<RemoteAddr>().and_then(RemoteAddr::get::<u8>);
        answer(format!("{client:?}"))
    });
    let service = from_incoming(service);
    tokio::spawn(server.serve_connection(socket, service).remote_addr(7_u8));
    assert!(client.get("/").await.ends_with("Some(7)"));
}

#[tokio::test]
async fn handlers_of_axum_take_connect_info() {
    let who = async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string();
    let app = Router::new().route("/", get(who)).with_state(());
    let mut make = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = Server::builder().linger(Duration::ZERO).build();
    let (mut client, socket) = pair().await;
    let address = client.0.local_addr().expect("an address");
    let service = make.call(address).await.expect("it never fails");
    tokio::spawn(server.serve_connection(socket, service));
    for _ in 0..2 {
        assert!(client.get("/").await.ends_with(&address.to_string()));
    }
}

#[tokio::test]
async fn the_outcome_says_why_a_connection_has_ended() {
    let server = Server::builder()
        .header_timeout(Duration::from_millis(300))
        .idle_timeout(Duration::from_millis(300))
        .stall_timeout(Duration::from_millis(300))
        .build();
    let serve = |socket| {
        let app = Router::new().route("/", axum::routing::post(async |_: Bytes| "got it"));
        tokio::spawn(server.serve_connection(socket, app.with_state(())))
    };
    let (mut half, socket) = pair().await;
    let half_served = serve(socket);
    half.send("GET / HT").await;
    let (_idle, socket) = pair().await;
    let idle_served = serve(socket);
    let (mut stalled, socket) = pair().await;
    let stalled_served = serve(socket);
    stalled.send("POST / HTTP/1.1\r\nHost: here\r\ncontent-length: 100\r\n\r\nhalf").await;
    let (mut broken, socket) = pair().await;
    let broken_served = serve(socket);
    broken.send("what is this?\r\n\r\n").await;
    assert!(broken.answer().await.starts_with("HTTP/1.1 400"));
    drop(broken);

    let error = outcome(broken_served).await.expect_err("it was no request");
    assert!(error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse), "{error}");
    let error = outcome(half_served).await.expect_err("half a head");
    assert_eq!(kind(&error), Some(ErrorKind::TimedOut), "{error}");
    let error = outcome(stalled_served).await.expect_err("half a body");
    assert_eq!(kind(&error), Some(ErrorKind::TimedOut), "{error}");
    outcome(idle_served).await.expect("to be idle for too long is no error");
}

#[tokio::test]
async fn a_shutdown_answers_what_has_come_and_closes_the_rest() {
    let server = Server::builder().build();
    let (mut busy, socket) = pair().await;
    let busy_served = tokio::spawn(server.serve_connection(socket, hello()));
    let (mut idle, socket) = pair().await;
    let idle_served = tokio::spawn(server.serve_connection(socket, hello()));
    assert!(idle.get("/").await.ends_with("hello"));
    busy.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    let shutdown = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown().await }
    });
    idle.end().await;
    let answer = busy.answer().await;
    assert!(answer.contains("connection: close") && answer.ends_with("slow"), "{answer}");
    assert_eq!(shutdown.await.expect("no panic").cut(), 0);
    outcome(busy_served).await.expect("it was answered");
    outcome(idle_served).await.expect("it was closed in order");
    assert!(server.connections().is_stopping());

    // What is handed in now is served if its request has come.
    let (mut late, socket) = pair().await;
    late.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    let served = tokio::spawn(server.serve_connection(socket, hello()));
    assert!(late.answer().await.ends_with("hello"));
    late.end().await;
    outcome(served).await.expect("it was answered");
    let (mut silent, socket) = pair().await;
    let served = tokio::spawn(server.serve_connection(socket, hello()));
    assert!(silent.end().await < Duration::from_secs(1));
    outcome(served).await.expect("it asked for nothing");
}

#[tokio::test]
async fn a_shutdown_cuts_what_is_left_when_its_time_is_over() {
    let server = Server::builder().shutdown_timeout(Duration::from_millis(200)).build();
    let (mut client, socket) = pair().await;
    let service = tower::service_fn(async |_: Request<RequestBody>| {
        std::future::pending::<()>().await;
        answer("never")
    });
    let served = tokio::spawn(server.serve_connection(socket, service));
    client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(|| server.connections().awake() == 1).await;
    let since = Instant::now();
    assert_eq!(server.shutdown().await.cut(), 1);
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    let error = outcome(served).await.expect_err("it was cut");
    assert_eq!(kind(&error), Some(ErrorKind::ConnectionAborted), "{error}");
    client.end().await;
}

#[tokio::test]
async fn ready_waits_for_room() {
    let server = Server::builder().max_connections(2).evict_idle(false).build();
    let mut clients = Vec::new();
    for _ in 0..2 {
        timeout(PATIENCE, server.ready()).await.expect("there is room");
        let (client, socket) = pair().await;
        tokio::spawn(server.serve_connection(socket, hello()));
        clients.push(client);
    }
    assert!(timeout(Duration::from_millis(100), server.ready()).await.is_err());
    clients.pop();
    timeout(PATIENCE, server.ready()).await.expect("one has left");
}

#[tokio::test]
async fn a_connection_whose_future_is_dropped_is_closed_and_its_memory_is_home() {
    let pool = Pool::new(4 << 20).expect("a pool");
    let server = Server::builder().pool(&pool, 1 << 20).build();
    let before = pool.leased();
    let (mut client, socket) = pair().await;
    let served = tokio::spawn(server.serve_connection(socket, hello()));
    client.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(|| server.connections().awake() == 1).await;
    assert!(pool.leased() > before);
    served.abort();
    client.end().await;
    until(|| server.connections().open() == 0).await;
    assert_eq!(pool.leased(), before);
    drop(server);
    assert_eq!(pool.leased(), 0);
}

/// The timer is a task of the first runtime. When that is gone, the next connection brings another.
#[test]
fn deadlines_are_kept_in_a_second_runtime() {
    let server = Server::builder().idle_timeout(Duration::from_millis(300)).build();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let (mut client, socket) = pair().await;
            tokio::spawn(server.serve_connection(socket, hello()));
            assert!(client.get("/").await.ends_with("hello"));
            assert!(client.end().await < Duration::from_secs(2));
        });
    }
}
