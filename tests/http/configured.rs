//! What a user may choose of the protocols and of the system, with `http::serve`.

use std::{
    future::{IntoFuture, pending},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use hyper::{client::conn::http2::SendRequest, rt::Executor};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{
    http::serve::{
        App, Connections, IncomingStream, Listener, ListenerExt, RequestBody, Serve, Server, serve,
    },
    io::AnyStream,
};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::support::http_client::{Client, until};

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// A server of `hello`, as `set` sets it.
async fn start<A, Via>(
    app: A,
    set: impl FnOnce(Serve<TcpListener, A, Via>) -> Serve<TcpListener, A, Via>,
) -> (SocketAddr, Connections, JoinHandle<()>)
where
    A: App<TcpListener, Via>,
    Via: 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = set(serve(listener, app));
    let connections = server.connections();
    let task = tokio::spawn(async move {
        server.await.expect("no error");
    });
    (address, connections, task)
}

async fn connect(address: SocketAddr) -> Client<TcpStream> {
    Client(TcpStream::connect(address).await.expect("a connection"))
}

async fn http2(address: SocketAddr) -> SendRequest<String> {
    let io = TokioIo::new(connect(address).await.0);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
    let (requests, connection) = handshake.expect("a handshake");
    tokio::spawn(connection);
    requests
}

#[tokio::test]
async fn hypers_builder_of_http1_can_be_set() {
    let (address, connections, _) = start(hello(), |server| {
        server.linger(Duration::ZERO).configure_http1(|http1| {
            http1.title_case_headers(true).max_headers(3);
        })
    })
    .await;
    let mut client = connect(address).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
        let mut head = [0; 15 + 2 + 25];
        client.0.read_exact(&mut head).await.expect("an answer");
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.contains("Content-Type: text/plain"), "{head}");
        let mut rest = Vec::new();
        while !rest.ends_with(b"hello") {
            rest.push(client.0.read_u8().await.expect("a body"));
        }
        until(|| connections.parked() == 1).await;
    }
    client.send("GET / HTTP/1.1\r\nHost: here\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n").await;
    let mut answer = String::new();
    client.0.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_client_that_ends_its_sending_side_early_is_answered_if_half_close_is_on() {
    for is_on in [false, true] {
        let slow = Router::new().route(
            "/",
            get(async || {
                sleep(Duration::from_millis(200)).await;
                "slow"
            }),
        );
        let (address, ..) = start(slow, |server| {
            server.configure_http1(|http1| {
                http1.half_close(is_on);
            })
        })
        .await;
        let mut client = connect(address).await;
        client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
        client.0.shutdown().await.expect("it is open");
        let mut answer = String::new();
        client.0.read_to_string(&mut answer).await.expect("an end");
        assert_eq!(answer.ends_with("slow"), is_on, "{answer}");
    }
}

/// A head that is longer is refused, whether it comes at once or later.
#[tokio::test]
async fn the_buffer_of_a_connection_can_be_bounded() {
    let (address, ..) = start(hello(), |server| {
        server.configure_http1(|http1| {
            http1.max_buf_size(16 << 10);
        })
    })
    .await;
    for (len, status) in [(12 << 10, "200"), (20 << 10, "431")] {
        let mut client = connect(address).await;
        client.send(format!("GET / HTTP/1.1\r\nHost: here\r\nx: {}\r\n", "x".repeat(len))).await;
        sleep(Duration::from_millis(50)).await;
        let _ = client.0.write_all(b"\r\n").await;
        let answer = client.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

/// Sixteen requests that come together are answered with one write, and then the connection is
/// parked.
#[tokio::test]
async fn pipelined_responses_leave_together() {
    let (address, connections, _) = start(hello(), |server| {
        server.linger(Duration::ZERO).configure_http1(|http1| {
            http1.pipeline_flush(true);
        })
    })
    .await;
    let mut client = connect(address).await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n".repeat(16)).await;
        let mut answers = vec![0; 64 << 10];
        let count = client.0.read(&mut answers).await.expect("answers");
        let text = std::str::from_utf8(&answers[..count]).expect("text");
        assert_eq!(text.matches("hello").count(), 16, "{text}");
        until(|| connections.parked() == 1).await;
    }
}

#[tokio::test]
async fn pipelined_responses_leave_one_by_one_otherwise() {
    let (address, ..) = start(hello(), |server| server).await;
    let mut client = connect(address).await;
    client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n".repeat(16)).await;
    for _ in 0..16 {
        assert!(client.answer().await.ends_with("hello"));
    }
}

/// The SETTINGS of a server: identifier and value.
async fn settings(client: &mut Client<TcpStream>) -> Vec<(u16, u32)> {
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let mut head = [0; 9];
    client.0.read_exact(&mut head).await.expect("a frame");
    assert_eq!(head[3..5], [4, 0], "it is SETTINGS");
    let mut payload = vec![0; usize::from(head[2])];
    client.0.read_exact(&mut payload).await.expect("settings");
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    payload.chunks(6).map(|setting| (number(&setting[..2]) as u16, number(&setting[2..]))).collect()
}

#[tokio::test]
async fn hypers_builder_of_http2_can_be_set() {
    let (address, ..) = start(hello(), |server| {
        server
            .configure_http2(|http2| {
                http2.max_concurrent_streams(7).initial_stream_window_size(77_777);
            })
            .configure_http2(|http2| {
                http2.max_concurrent_streams(8);
            })
    })
    .await;
    let settings = settings(&mut connect(address).await).await;
    assert!(settings.contains(&(3, 8)), "SETTINGS_MAX_CONCURRENT_STREAMS: {settings:?}");
    assert!(settings.contains(&(4, 77_777)), "SETTINGS_INITIAL_WINDOW_SIZE: {settings:?}");
    assert!(settings.contains(&(8, 1)), "SETTINGS_ENABLE_CONNECT_PROTOCOL: {settings:?}");
}

#[tokio::test]
async fn a_client_of_http2_that_answers_no_ping_is_gone() {
    let (address, connections, _) = start(hello(), |server| {
        server.configure_http2(|http2| {
            http2
                .keep_alive_interval(Duration::from_millis(100))
                .keep_alive_timeout(Duration::from_millis(100));
        })
    })
    .await;
    let mut dead = connect(address).await;
    settings(&mut dead).await;
    let mut requests = http2(address).await;
    until(|| connections.open() == 2).await;
    dead.end().await;
    until(|| connections.open() == 1).await;
    sleep(Duration::from_millis(500)).await;
    let request = hyper::Request::get(format!("http://{address}/")).body(String::new());
    let answer = requests.send_request(request.expect("a request")).await.expect("it lives");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn an_answer_on_http2_has_no_date_if_the_user_wants_none() {
    for wanted in [true, false] {
        let (address, ..) = start(hello(), |server| {
            server.configure_http2(move |http2| {
                http2.auto_date_header(wanted);
            })
        })
        .await;
        let mut requests = http2(address).await;
        let request = hyper::Request::get(format!("http://{address}/")).body(String::new());
        let answer = requests.send_request(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.headers().contains_key("date"), wanted);
    }
}

#[tokio::test]
async fn nodelay_is_as_the_user_wants_it() {
    for (wanted, is_on) in [(None, true), (Some(true), true), (Some(false), false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let client = connect(address).await;
        let (socket, _) = listener.accept().await.expect("a connection");
        socket.set_nodelay(true).expect("an open socket");
        let socket = socket.into_std().expect("a socket");
        let seen = socket.try_clone().expect("a descriptor");
        let socket = TcpStream::from_std(socket).expect("a socket");
        let server = wanted.map_or(Server::builder(), |is_on| Server::builder().tcp_nodelay(is_on));
        let _connection = server.build().serve_connection(socket, hello());
        assert_eq!(SockRef::from(&seen).tcp_nodelay().expect("an option"), is_on, "{wanted:?}");
        drop(client);
    }
}

/// Counts the tasks that it spawns.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for Counting {
    fn execute(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.fetch_add(1, Relaxed);
        tokio::spawn(task);
    }
}

#[tokio::test]
async fn all_tasks_run_on_the_executor_of_the_user() {
    let executor = Counting::default();
    let (address, ..) = start(hello(), |server| server.with_executor(executor.clone())).await;
    let count = || executor.0.load(Relaxed);
    let mut client = connect(address).await;
    assert!(client.get("/").await.ends_with("hello"));
    assert_eq!(count(), 2, "the timer and the connection");
    let mut requests = http2(address).await;
    let request = hyper::Request::get(format!("http://{address}/")).body(String::new());
    let answer = requests.send_request(request.expect("a request")).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), count()), (200, 4), "a connection and a stream");
}

#[tokio::test]
async fn a_limited_listener_accepts_when_a_connection_has_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port").limit_connections(2);
    let address = listener.local_addr().expect("an address");
    let server = serve(listener, hello()).linger(Duration::ZERO);
    let connections = server.connections();
    let server = tokio::spawn(server.into_future());
    let mut clients = [connect(address).await, connect(address).await, connect(address).await];
    for client in &mut clients[..2] {
        assert!(client.get("/").await.ends_with("hello"));
    }
    // A socket is parked behind the limit, too.
    until(|| connections.parked() == 2).await;
    clients[2].send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(clients[2].is_quiet(Duration::from_millis(200)).await);
    let [first, _second, mut third] = clients;
    drop(first);
    assert!(third.answer().await.ends_with("hello"));
    assert_eq!(connections.accepted(), 3);
    server.abort();
}

#[tokio::test]
async fn a_limited_listener_counts_an_upgraded_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port").limit_connections(1);
    let address = listener.local_addr().expect("an address");
    let (sender, mut sockets) = tokio::sync::mpsc::unbounded_channel();
    let app = tower::service_fn(move |mut request: hyper::Request<RequestBody>| {
        let sender = sender.clone();
        async move {
            tokio::spawn(async move {
                let upgraded = hyper::upgrade::on(&mut request).await.expect("an upgrade");
                let socket = leasehold::http::serve::into_socket::<AnyStream>(upgraded);
                let _ = sender.send(socket.expect("it is the listener's transport").0);
            });
            let answer = hyper::Response::builder().status(101).header("upgrade", "echo");
            Ok::<_, std::convert::Infallible>(
                answer.header("connection", "upgrade").body(String::new()).expect("an answer"),
            )
        }
    });
    tokio::spawn(serve(listener, app).into_future());
    let upgrade = "GET / HTTP/1.1\r\nHost: here\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    let (mut first, mut second) = (connect(address).await, connect(address).await);
    first.send(upgrade).await;
    assert!(first.answer().await.starts_with("HTTP/1.1 101"));
    let mut socket = sockets.recv().await.expect("a socket");
    assert!(socket.as_tcp().is_some(), "it is a bare socket still");
    socket.write_all(b"x").await.expect("it writes");
    assert_eq!(first.0.read_u8().await.expect("it reads"), b'x');
    second.send(upgrade).await;
    assert!(second.is_quiet(Duration::from_millis(200)).await);
    drop(socket);
    assert!(second.answer().await.starts_with("HTTP/1.1 101"));
}

/// Makes services that never come to be.
#[derive(Clone)]
struct Never;

impl tower::Service<IncomingStream<'_, TcpListener>> for Never {
    type Response = Router;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Router, Self::Error>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: IncomingStream<'_, TcpListener>) -> Self::Future {
        Box::pin(pending())
    }
}

#[tokio::test]
async fn a_service_that_is_never_made_does_not_hold_up_the_end_of_the_server() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = serve(listener, Never)
        .with_graceful_shutdown(async { drop(stopped.await) })
        .shutdown_timeout(Duration::from_millis(300));
    let connections = server.connections();
    let server = tokio::spawn(server.into_future());
    let mut client = connect(address).await;
    until(|| connections.open() == 1).await;
    let since = Instant::now();
    stop.send(()).expect("the server waits");
    let shutdown = timeout(Duration::from_secs(5), server).await.expect("an end in time");
    assert_eq!(shutdown.expect("no panic").expect("no error").cut(), 1);
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    client.end().await;
}
