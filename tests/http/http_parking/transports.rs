//! Transports and protocols other than HTTP/1 on TCP.

use std::{future::IntoFuture, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Version, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{
    Pool,
    http::serve::{Listener, serve},
};
use tokio::{
    io::DuplexStream,
    net::{TcpStream, UnixListener, UnixStream},
    sync::mpsc,
    time::sleep,
};

use crate::http_parking::{
    client::{Client, until},
    site::{AWAKE_LEN, Site, service},
};

#[tokio::test]
async fn unix_sockets_are_served_and_parked() {
    let path = std::env::temp_dir().join(format!("leasehold-http-{}", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a listener");
    let pool = Pool::new(1 << 20).expect("a pool");
    tokio::spawn(serve(listener, service()).pool(&pool, 1000).linger(Duration::ZERO).into_future());
    let mut client = Client(UnixStream::connect(&path).await.expect("a connection"));
    std::fs::remove_file(&path).expect("the socket's name");
    for _ in 0..3 {
        assert!(client.get("/").await.starts_with("HTTP/1.1 200 OK"));
        until(|| pool.leased() == 0).await;
    }
}

/// Connections without a socket.
struct Pipes(mpsc::Receiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(pipe) => (pipe, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_no_socket_is_served_and_never_parked_and_closed_when_idle() {
    let pool = Pool::new(1 << 20).expect("a pool");
    let (sender, receiver) = mpsc::channel(1);
    let server = serve(Pipes(receiver), service()).pool(&pool, 1000).linger(Duration::ZERO);
    let server = server.idle_timeout(Duration::from_secs(1)).header_timeout(Duration::from_secs(1));
    tokio::spawn(server.into_future());
    let (pipe, other_end) = tokio::io::duplex(1000);
    sender.send(other_end).await.expect("a server");
    let mut client = Client(pipe);
    for _ in 0..3 {
        assert!(client.get("/").await.starts_with("HTTP/1.1 200 OK"));
        sleep(Duration::from_millis(400)).await;
        assert_eq!(pool.leased(), AWAKE_LEN);
    }
    assert!(client.end().await < Duration::from_millis(1500));
    until(|| pool.leased() == 0).await;
    // Half a head, between requests.
    let (pipe, other_end) = tokio::io::duplex(1000);
    sender.send(other_end).await.expect("a server");
    let mut client = Client(pipe);
    client.get("/").await;
    client.drip("GET", Duration::from_millis(300)).await;
    assert!(client.end().await < Duration::from_secs(1));
}

#[tokio::test]
async fn http2_is_served_beside_http1() {
    let site = Site::start_with(|server| server.idle_timeout(Duration::from_secs(1))).await;
    let mut first = site.connect().await;
    first.get("/").await;
    let stream = TcpStream::connect(site.address).await.expect("a connection");
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(200));
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    for _ in 0..3 {
        let request =
            Request::get("http://here/account").body(Empty::<Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.version(), Version::HTTP_2);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, r#"Some(("connection", 100000))"#);
        sleep(Duration::from_millis(300)).await;
    }
    // And a place in h2's list of streams.
    assert_eq!(site.pool.leased(), 2 * AWAKE_LEN + (1 << 10));
    // Pings keep it alive no longer than its idle timeout, and it hears of its end.
    let ended =
        tokio::time::timeout(Duration::from_secs(3), connection).await.expect("an end in time");
    assert!(ended.expect("no panic").is_ok());
    until(|| site.pool.leased() == 0).await;
}

#[tokio::test]
async fn http2_is_refused_where_it_is_not_wanted_and_on_connections_that_have_begun() {
    for (http2, requests) in [(false, 0), (true, 1)] {
        let site = Site::start_with(|server| server.http2(http2)).await;
        let mut client = site.connect().await;
        for _ in 0..requests {
            client.get("/").await;
        }
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.end().await;
    }
}
