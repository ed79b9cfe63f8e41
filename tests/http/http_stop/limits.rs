//! When the time to stop is over, what remains is ended: requests, streams, and upgraded sockets.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use futures_util::stream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::serve::into_socket,
    io::{AnyStream, BufStream},
    ws::{CloseCode, CloseFrame, Error, Hub, Message, Role, WebSocket, axum::WebSocketUpgrade},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::http_stop::client::PATIENCE;

const LIMIT: Duration = Duration::from_millis(600);

/// What became of each socket.
type Ends = mpsc::UnboundedSender<String>;

struct Site {
    pool: Pool,
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<std::io::Result<leasehold::http::serve::Shutdown>>,
    ends: mpsc::UnboundedReceiver<String>,
}

impl Site {
    async fn start() -> Self {
        let pool = Pool::new(4 << 20).expect("a pool");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let (teller, ends) = mpsc::unbounded_channel();
        let server = leasehold::http::serve(listener, app(&pool, teller));
        let server = server.pool(&pool, 1 << 20).shutdown_timeout(LIMIT);
        let server = server.with_graceful_shutdown(async { drop(stopped.await) }).into_future();
        Self { pool, address, stop: Some(stop), server: tokio::spawn(server), ends }
    }

    /// Sends a request, and hears the head of its answer.
    async fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        if path == "/never" {
            sleep(Duration::from_millis(50)).await;
            return stream;
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        stream
    }

    /// Stops; how long that took, how many were cut, and what became of the sockets. Nothing is
    /// leased then.
    async fn stop(mut self) -> (Duration, usize, Vec<String>) {
        sleep(Duration::from_millis(100)).await;
        self.stop.take().expect("it stops once").send(()).expect("the server waits");
        let since = Instant::now();
        let shutdown =
            timeout(PATIENCE, self.server).await.expect("an end in time").expect("no panic");
        let took = since.elapsed();
        let mut ends = Vec::new();
        while let Some(end) = timeout(PATIENCE, self.ends.recv()).await.expect("all services end") {
            ends.push(end);
        }
        ends.sort();
        let mut patience = 100;
        while self.pool.leased() > 0 && patience > 0 {
            patience -= 1;
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.pool.leased(), 0);
        (took, shutdown.expect("no error").cut(), ends)
    }
}

fn app(pool: &Pool, ends: Ends) -> Router {
    let hub = Hub::new(&pool.account("hub", 1 << 20));
    let (raw, bare, buffered, halves, ws, member) =
        (ends.clone(), ends.clone(), ends.clone(), ends.clone(), ends.clone(), ends);
    let blocks = pool.clone();
    Router::new()
        .route("/never", any(std::future::pending::<()>))
        .route(
            "/forever",
            any(async || {
                let pieces = stream::unfold((), async |()| {
                    sleep(Duration::from_millis(10)).await;
                    Some((Ok::<_, Infallible>(Bytes::from_static(b"piece")), ()))
                });
                Response::new(Body::from_stream(pieces))
            }),
        )
        .route(
            "/raw",
            any(move |request| {
                upgrade(request, async move |upgraded| {
                    let (read, write) = tokio::io::split(TokioIo::new(upgraded));
                    _ = raw.send(format!("raw: {:?}", echo(read, write).await));
                })
            }),
        )
        .route(
            "/bare",
            any(move |request| {
                upgrade(request, async move |upgraded| {
                    let (read, write) = tokio::io::split(socket_of(upgraded));
                    _ = bare.send(format!("bare: {:?}", echo(read, write).await));
                })
            }),
        )
        .route(
            "/buffered",
            any(move |request| {
                upgrade(request, async move |upgraded| {
                    let (read, write) =
                        tokio::io::split(BufStream::new(socket_of(upgraded), &blocks));
                    _ = buffered.send(format!("buffered: {:?}", echo(read, write).await));
                })
            }),
        )
        .route(
            "/halves",
            any(move |request| {
                upgrade(request, async move |upgraded| {
                    let (mut read, mut write) = tokio::io::split(socket_of(upgraded));
                    let reading =
                        tokio::spawn(
                            async move { read.read_u8().await.map_err(|error| error.kind()) },
                        );
                    sleep(Duration::from_millis(20)).await;
                    // The peer does not read.
                    let written = loop {
                        if let Err(error) = write.write_all(&[0; 64 << 10]).await {
                            break error.kind();
                        }
                    };
                    _ = halves.send(format!(
                        "halves: {written:?}, {}",
                        reading.await.expect("no panic").is_err()
                    ));
                })
            }),
        )
        .route(
            "/ws",
            any(async move |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async move |mut socket| {
                    let end = loop {
                        match socket.recv().await {
                            Some(Ok(Message::Close(frame))) => {
                                break format!("ws: {:?}", frame.map(|frame| frame.code));
                            }
                            Some(Ok(_)) => {}
                            other => {
                                break format!("ws: {:?}", other.map(|result| result.is_err()));
                            }
                        }
                    };
                    while socket.recv().await.is_some() {}
                    _ = ws.send(end);
                })
            }),
        )
        .route(
            "/hub",
            any(async move |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async move |socket| {
                    let mut socket = hub.join(socket);
                    while let Some(Ok(_)) = socket.recv().await {}
                    _ = member.send("member".to_owned());
                })
            }),
        )
        .with_state(pool.clone())
}

async fn upgrade<F: Future<Output = ()> + Send + 'static>(
    mut request: Request,
    handle: impl FnOnce(Upgraded) -> F + Send + 'static,
) -> impl IntoResponse {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move { handle(upgrade.await.expect("an upgrade")).await });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "websocket")])
}

fn socket_of(upgraded: Upgraded) -> AnyStream {
    into_socket::<TcpStream>(upgraded).expect("it is ours").0
}

async fn echo(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
) -> Result<u64, std::io::ErrorKind> {
    tokio::io::copy(&mut read, &mut write).await.map_err(|error| error.kind())
}

fn assert_took_the_limit(took: Duration) {
    assert!(
        LIMIT - Duration::from_millis(20) <= took && took < LIMIT + Duration::from_millis(500),
        "{took:?}"
    );
}

#[tokio::test]
async fn requests_and_streams_are_cut() {
    for path in ["/never", "/forever"] {
        let site = Site::start().await;
        let clients = [site.ask(path).await, site.ask(path).await, site.ask(path).await];
        let (took, cut, _) = site.stop().await;
        assert_took_the_limit(took);
        assert_eq!(cut, 3, "{path}");
        for mut client in clients {
            let mut heard = Vec::new();
            let end =
                timeout(PATIENCE, client.read_to_end(&mut heard)).await.expect("an end in time");
            assert!(!heard.ends_with(b"0\r\n\r\n"), "a response that was cut looks whole: {end:?}");
        }
    }
}

#[tokio::test]
async fn upgraded_sockets_are_cut() {
    for path in ["/raw", "/bare", "/buffered"] {
        let site = Site::start().await;
        let mut clients = [site.ask(path).await, site.ask(path).await];
        for client in &mut clients {
            client.write_all(b"x").await.expect("the server reads");
            assert_eq!(client.read_u8().await.expect("an echo"), b'x');
        }
        let (took, cut, ends) = site.stop().await;
        assert_took_the_limit(took);
        let end = format!("{}: Err(ConnectionAborted)", &path[1..]);
        assert_eq!((cut, ends), (2, vec![end.clone(), end]));
    }
}

/// Each half waits in a task of its own.
#[tokio::test]
async fn both_halves_of_an_upgraded_socket_are_cut() {
    let site = Site::start().await;
    let client = site.ask("/halves").await;
    let (took, cut, ends) = site.stop().await;
    assert_took_the_limit(took);
    assert_eq!(cut, 1);
    assert!(ends[0].starts_with("halves: ") && ends[0].ends_with("true"), "{ends:?}");
    drop(client);
}

#[tokio::test]
async fn a_websocket_is_told_that_the_server_goes_away() {
    for path in ["/ws", "/hub"] {
        let site = Site::start().await;
        let near = Pool::new(1 << 20).expect("a pool");
        let mut sockets = Vec::new();
        for _ in 0..10 {
            sockets.push(WebSocket::new(site.ask(path).await, Role::Client, &near));
        }
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            for mut socket in sockets {
                heard.push(socket.recv().await);
                while socket.recv().await.is_some() {}
            }
            heard
        });
        let (took, cut, ends) = site.stop().await;
        assert!(took < Duration::from_millis(300), "{took:?}");
        assert_eq!((cut, ends.len()), (0, 10), "{path}");
        let is_told = |heard: &Option<Result<Message, Error>>| {
            matches!(
                heard,
                Some(Ok(Message::Close(Some(CloseFrame { code: CloseCode::GOING_AWAY, .. }))))
            )
        };
        let heard = heard.await.expect("no panic");
        assert_eq!(heard.iter().filter(|heard| is_told(heard)).count(), 10, "{path}: {heard:?}");
        assert_eq!(near.leased(), 0);
    }
}

/// Its peer answers no close frame, or nothing at all.
#[tokio::test]
async fn a_websocket_whose_peer_does_not_answer_is_cut() {
    let site = Site::start().await;
    let clients = [site.ask("/ws").await, site.ask("/hub").await];
    let (took, cut, ends) = site.stop().await;
    assert_took_the_limit(took);
    assert_eq!((cut, ends), (2, vec!["member".to_owned(), "ws: Some(true)".to_owned()]));
    drop(clients);
}
