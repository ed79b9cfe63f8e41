//! What `axum::serve` and accept loops of hyper take, `serve` takes: every form compiles and
//! answers, and knows its client.

use std::{
    convert::Infallible,
    future::IntoFuture,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use axum::{
    Router, ServiceExt,
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    handler::{Handler, HandlerWithoutStateExt},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use leasehold::http::serve::{
    App, IncomingStream, Listener, ListenerExt, RemoteAddr, RequestBody, from_axum, from_hyper,
    from_incoming, serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::sleep,
};
use tower::{Layer, util::BoxCloneService};

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Asks for `/` on a connection that is kept; returns the body of the response.
async fn ask(client: &mut TcpStream) -> String {
    client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.expect("it takes it");
    let mut response = [0; 1024];
    let count = client.read(&mut response).await.expect("a response");
    let text = std::str::from_utf8(&response[..count]).expect("text");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    text.rsplit_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

/// Serves `app` with connections that are parked after each request, and asks it three times on
/// one of them.
async fn answers<A, Via>(app: A) -> (Vec<String>, SocketAddr)
where
    A: App<TcpListener, Via>,
    Via: 'static,
{
    let (listener, address) = listen().await;
    let server = serve(listener, app).linger(Duration::ZERO);
    let connections = server.connections();
    let server = tokio::spawn(server.into_future());
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ask(&mut client).await);
        while connections.parked() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    server.abort();
    (answers, client.local_addr().expect("an address"))
}

/// Says "hello" each time.
async fn greets<A: App<TcpListener, Via>, Via: 'static>(name: &str, app: A) {
    assert_eq!(answers(app).await.0, ["hello"; 3], "{name}");
}

fn router() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// A service of axum's own request, in a box that is not `Sync`.
fn boxed() -> BoxCloneService<Request, Response, Infallible> {
    BoxCloneService::new(router())
}

#[tokio::test]
async fn whatever_axum_serve_takes_is_served() {
    greets("Router", router()).await;
    greets("Router with state", Router::new().route("/", get(stated)).with_state("hello")).await;
    greets("MethodRouter", get(async || "hello")).await;
    greets("MethodRouter with state", get(stated).with_state("hello")).await;
    greets("handler", (async || "hello").into_service()).await;
    greets("handler with state", stated.with_state("hello")).await;
    greets("Router::into_make_service", router().into_make_service()).await;
    greets("MethodRouter::into_make_service", get(async || "hello").into_make_service()).await;
    greets("handler, into_make_service", (async || "hello").into_make_service()).await;
    greets(
        "Router::into_make_service_with_connect_info",
        router().into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await;
    greets("a layer around a Router", from_fn(passes_on).layer(router()).into_make_service()).await;
    // A layer that takes requests of any body, such as tower-http's, needs no make-service.
    greets("a generic layer", tower::limit::ConcurrencyLimit::new(router(), 8)).await;
    greets("BoxCloneService", boxed().into_make_service()).await;
    greets("Shared", tower::make::Shared::new(boxed())).await;
    greets(
        "tower::service_fn of axum's request",
        tower::service_fn(async |_: Request| {
            Ok::<_, Infallible>(Response::new(axum::body::Body::from("hello")))
        })
        .into_make_service(),
    )
    .await;
}

async fn stated(State(greeting): State<&'static str>) -> &'static str {
    greeting
}

async fn passes_on(request: Request, next: Next) -> Response {
    next.run(request).await
}

fn hello() -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    Ok(hyper::Response::new(Full::from("hello")))
}

#[tokio::test]
async fn whatever_an_accept_loop_of_hyper_serves_is_served() {
    greets("tower::service_fn", tower::service_fn(async |_: hyper::Request<RequestBody>| hello()))
        .await;
    greets(
        "hyper's service_fn",
        from_hyper(hyper::service::service_fn(async |_: hyper::Request<RequestBody>| hello())),
    )
    .await;
    greets(
        "hyper's service_fn of Incoming",
        from_incoming(hyper::service::service_fn(async |_: hyper::Request<Incoming>| hello())),
    )
    .await;
}

// ---- the client's address -----------------------------------------------------------------------

/// What a connection is numbered by, and the address of its client.
#[derive(Clone)]
struct Numbered {
    number: usize,
    client: SocketAddr,
}

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, L>> for Numbered {
    fn connect_info(stream: IncomingStream<'_, L>) -> Self {
        Self { number: CONNECTIONS.fetch_add(1, Relaxed), client: *stream.remote_addr() }
    }
}

#[tokio::test]
async fn every_request_knows_its_client_before_and_after_its_connection_slept() {
    let axums = Router::new()
        .route("/", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let (said, client) = answers(axums).await;
    assert_eq!(said, [(); 3].map(|()| client.to_string()));

    let hypers =
        from_hyper(hyper::service::service_fn(async |request: hyper::Request<RequestBody>| {
            let client =
                request.body().remote_addr().get::<SocketAddr>().expect("of TCP").to_string();
            Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(client)))
        }));
    let (said, client) = answers(hypers).await;
    assert_eq!(said, [(); 3].map(|()| client.to_string()));

    let incoming =
        from_incoming(hyper::service::service_fn(async |request: hyper::Request<Incoming>| {
            let client = request.extensions().get::<RemoteAddr>().expect("its client");
            let client = client.get::<SocketAddr>().expect("of TCP").to_string();
            Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(client)))
        }));
    let (said, client) = answers(incoming).await;
    assert_eq!(said, [(); 3].map(|()| client.to_string()));
}

/// What a user's type says of a connection is asked once, and kept while the connection sleeps.
#[tokio::test]
async fn a_users_connect_info_is_made_once_a_connection() {
    let app = || {
        Router::new()
            .route(
                "/",
                get(async |ConnectInfo(info): ConnectInfo<Numbered>| {
                    format!("{} {}", info.number, info.client)
                }),
            )
            .into_make_service_with_connect_info::<Numbered>()
    };
    let (first, client) = answers(app()).await;
    assert!(first.iter().all(|said| said.ends_with(&format!(" {client}"))), "{first:?}");
    assert!(first.iter().all(|said| *said == first[0]), "{first:?}");
    let (second, _) = answers(app()).await;
    assert_ne!(second[0], first[0]);
}

#[tokio::test]
async fn a_router_without_the_address_answers_500_as_axum_does() {
    let app = Router::new().route("/", get(async |_: ConnectInfo<SocketAddr>| "hello"));
    let (listener, address) = listen().await;
    let server = tokio::spawn(serve(listener, app).into_future());
    let mut client = TcpStream::connect(address).await.expect("a connection");
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.expect("it takes it");
    let mut response = String::new();
    client.read_to_string(&mut response).await.expect("a response");
    assert!(response.starts_with("HTTP/1.0 500"), "{response}");
    server.abort();
}

/// Who a client of a Unix socket is, as axum's example tells it.
#[derive(Clone)]
struct Credentials {
    uid: u32,
    is_unnamed: bool,
}

impl Connected<IncomingStream<'_, UnixListener>> for Credentials {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let uid = stream.io().peer_cred().expect("the system tells").uid();
        Self { uid, is_unnamed: stream.remote_addr().is_unnamed() }
    }
}

#[tokio::test]
async fn a_client_of_a_unix_socket_is_known_by_its_credentials() {
    let path = std::env::temp_dir().join(format!("leasehold-forms-{}", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    let app = Router::new()
        .route(
            "/",
            get(async |ConnectInfo(client): ConnectInfo<Credentials>| {
                format!("{} {}", client.uid, client.is_unnamed)
            }),
        )
        .into_make_service_with_connect_info::<Credentials>();
    let server = serve(listener, app);
    assert_eq!(server.local_addr().expect("an address").as_pathname(), Some(path.as_path()));
    let server = tokio::spawn(server.into_future());
    let mut client = UnixStream::connect(&path).await.expect("a connection");
    let uid = client.peer_cred().expect("the system tells").uid();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.expect("it takes it");
    let mut response = String::new();
    client.read_to_string(&mut response).await.expect("a response");
    assert!(response.ends_with(&format!("\r\n\r\n{uid} true")), "{response}");
    server.abort();
    std::fs::remove_file(path).expect("it is there");
}

// ---- listeners, and what a server says of itself --------------------------------------------------

#[tokio::test]
async fn a_listener_that_is_tapped_sees_each_connection() {
    let (listener, address) = listen().await;
    static TAPPED: AtomicUsize = AtomicUsize::new(0);
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(false).expect("a socket");
        TAPPED.fetch_add(1, Relaxed);
    });
    let app = Router::new()
        .route("/", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = serve(listener, app);
    assert_eq!(server.local_addr().expect("an address"), address);
    assert!(format!("{server:?}").starts_with("Serve { listener: TapIo"), "{server:?}");
    let server = tokio::spawn(server.into_future());
    for count in 1..4 {
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let own = client.local_addr().expect("an address").to_string();
        assert_eq!((ask(&mut client).await, TAPPED.load(Relaxed)), (own, count));
    }
    server.abort();
}

#[tokio::test]
async fn a_listener_of_axums_trait_is_served_and_parked() {
    let (listener, address) = listen().await;
    let listener = axum::serve::ListenerExt::tap_io(listener, |_| {});
    let app = Router::new()
        .route("/", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = serve(from_axum(listener), app).linger(Duration::ZERO);
    assert_eq!(server.local_addr().expect("an address"), address);
    let connections = server.connections();
    let server = tokio::spawn(server.into_future());
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let own = client.local_addr().expect("an address").to_string();
    for _ in 0..2 {
        assert_eq!(ask(&mut client).await, own);
        while connections.parked() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    server.abort();
}

/// axum makes the handlers of a router anew for each request, unless its state was settled: a limit
/// would then hold for one request only.
#[tokio::test]
async fn a_limit_of_a_router_holds_for_all_requests() {
    static ENTERED: AtomicUsize = AtomicUsize::new(0);
    let (listener, address) = listen().await;
    let app = Router::new()
        .route(
            "/",
            get(async || {
                let entered = ENTERED.fetch_add(1, Relaxed) + 1;
                sleep(Duration::from_millis(300)).await;
                format!("{entered} {}", ENTERED.load(Relaxed))
            }),
        )
        .layer(tower::limit::ConcurrencyLimitLayer::new(1));
    let server = tokio::spawn(serve(listener, app).into_future());
    let mut one = TcpStream::connect(address).await.expect("a connection");
    let mut other = TcpStream::connect(address).await.expect("a connection");
    let (one, other) = tokio::join!(ask(&mut one), ask(&mut other));
    let mut said = [one, other];
    said.sort();
    assert_eq!(said, ["1 1", "2 2"], "the second entered while the first was in");
    server.abort();
}
