//! Idle connections make place for new ones.

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use leasehold::http::serve::Server;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    http_parking::{client::Client, site::Site},
    support::http_client::until,
};

const SOON: Duration = Duration::from_millis(500);

#[tokio::test]
async fn the_connection_that_was_idle_for_longest_is_closed_for_a_new_one() {
    let site = Site::start_with(|server| server.max_connections(10)).await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut client = site.connect().await;
        client.get("/").await;
        idle.push(client);
        sleep(Duration::from_millis(300)).await; // more than a tick
    }
    idle[0].get("/").await; // now the second is the one
    until(|| site.connections.parked() == 10).await;
    let since = Instant::now();
    let mut new = site.connect().await;
    new.get("/").await;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    idle.remove(1).end().await;
    assert_eq!(site.connections.open(), 10);
    for client in &mut idle {
        client.get("/").await;
    }
}

/// A server that is full parks its connections at once.
#[tokio::test]
async fn so_is_one_that_lingers() {
    let linger = Duration::from_secs(60);
    let site = Site::start_with(|server| server.max_connections(3).linger(linger)).await;
    let mut idle = Vec::new();
    for count in 1..=3 {
        let mut client = site.connect().await;
        client.get("/").await;
        idle.push(client);
        until(|| site.connections.awake() == count % 3).await;
    }
    let since = Instant::now();
    site.connect().await.get("/").await;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
}

#[tokio::test]
async fn many_new_ones_are_all_served() {
    let site = Site::start_with(|server| server.max_connections(5)).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = site.connect().await;
        client.get("/").await;
        clients.push(client);
        assert!(site.connections.open() <= 6, "{}", site.connections.open());
    }
    until(|| site.connections.open() == 5).await;
}

#[tokio::test]
async fn one_that_is_busy_or_has_begun_a_request_is_not_closed() {
    let site = Site::start_with(|server| server.max_connections(3)).await;
    let (mut busy, mut half) = (site.connect().await, site.connect().await);
    busy.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    half.get("/").await;
    half.send("GET / HTTP").await;
    let mut idle = site.connect().await;
    idle.get("/").await;
    until(|| site.connections.open() == 3).await;
    let mut new = site.connect().await;
    new.get("/").await;
    idle.end().await;
    new.send("GET / HTTP").await;
    // The server waited for one more while `new` was idle.
    let mut more = site.connect().await;
    more.send("GET / HTTP").await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(site.connections.open(), 4);
    // Without an idle one, the next waits until one has ended, or is idle.
    let mut next = site.connect().await;
    next.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(next.is_quiet(Duration::from_millis(100)).await);
    assert!(busy.answer().await.ends_with("slow"));
    busy.end().await; // it is idle, and one too many
    half.send("/1.1\r\nHost: here\r\n\r\n").await;
    assert!(half.answer().await.starts_with("HTTP/1.1 200"));
    assert!(next.answer().await.starts_with("HTTP/1.1 200"));
    half.end().await;
    for client in [&mut new, &mut more] {
        client.send("/1.1\r\nHost: here\r\n\r\n").await;
        assert!(client.answer().await.starts_with("HTTP/1.1 200"));
    }
}

/// The first byte of a new connection may be on its way.
#[tokio::test]
async fn a_new_one_has_a_second_for_its_first_byte() {
    let site = Site::start_with(|server| server.max_connections(2)).await;
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    until(|| site.connections.open() == 2).await;
    let since = Instant::now();
    let mut third = site.connect().await;
    third.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    sleep(Duration::from_millis(300)).await;
    first.get("/").await; // is idle from here on
    assert!(third.answer().await.starts_with("HTTP/1.1 200"));
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    first.end().await;
    // One that stays silent has no more than that.
    let mut fourth = site.connect().await;
    fourth.get("/").await;
    sleep(Duration::from_secs(2)).await;
    site.connect().await.get("/").await;
    assert!(second.end().await < SOON);
}

#[tokio::test]
async fn none_is_closed_if_the_user_says_so() {
    let site = Site::start_with(|server| server.max_connections(1).evict_idle(false)).await;
    let mut first = site.connect().await;
    first.get("/").await;
    let mut second = site.connect().await;
    second.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(second.is_quiet(Duration::from_millis(300)).await);
    first.get("/").await;
    drop(first);
    assert!(second.answer().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn upgraded_connections_count_if_the_user_says_so() {
    for counts in [false, true] {
        let site = Site::start_with(|server| server.max_connections(1).count_upgraded(counts));
        let site = site.await;
        let mut upgraded = site.connect().await;
        upgraded.send("GET /upgrade HTTP/1.1\r\nHost: here\r\nconnection: upgrade\r\n").await;
        upgraded.send("upgrade: echo\r\n\r\n").await;
        assert!(upgraded.answer().await.starts_with("HTTP/1.1 101"));
        until(|| site.connections.open() == 0).await;
        let mut second = site.connect().await;
        second.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
        assert_eq!(second.is_quiet(Duration::from_millis(300)).await, counts);
        drop(upgraded);
        if counts {
            assert!(second.answer().await.starts_with("HTTP/1.1 200"));
        }
    }
}

/// An accept loop of the user's own.
#[tokio::test]
async fn a_server_without_a_listener_closes_idle_ones_too() {
    let server = Server::builder().max_connections(2).linger(Duration::ZERO).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let app: Router = Router::new().route("/", get(async || "hello")).with_state(());
    let mut clients = Vec::new();
    for _ in 0..10 {
        timeout(Duration::from_secs(5), server.ready()).await.expect("an idle one makes place");
        let mut client = Client(TcpStream::connect(address).await.expect("a connection"));
        let (socket, _) = listener.accept().await.expect("a connection");
        tokio::spawn(server.serve_connection(socket, app.clone()));
        client.get("/").await;
        until(|| server.connections().parked() == server.connections().open()).await;
        clients.push(client);
    }
    until(|| server.connections().open() == 2).await;
}

/// The first bytes of its next request have come before it hears that it was chosen.
#[tokio::test]
async fn one_that_begins_a_request_when_it_is_chosen_is_answered() {
    let server = Server::builder().max_connections(1).linger(Duration::ZERO).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let app: Router = Router::new().route("/", get(async || "hello")).with_state(());
    let mut clients = Vec::new();
    for _ in 0..2 {
        let client = Client(TcpStream::connect(address).await.expect("a connection"));
        clients.push((client, listener.accept().await.expect("a connection").0));
    }
    let (mut second, its_socket) = clients.pop().expect("two");
    let (mut first, socket) = clients.pop().expect("one");
    tokio::spawn(server.serve_connection(socket, app.clone()));
    first.get("/").await;
    until(|| server.connections().parked() == 1).await;
    // No task runs between these two.
    assert_eq!(first.0.try_write(b"GET / HTTP").expect("there is room"), 10);
    let connection = server.serve_connection(its_socket, app);
    tokio::spawn(connection);
    second.get("/").await;
    first.send("/1.1\r\nHost: here\r\n\r\n").await;
    assert!(first.answer().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_that_may_be_idle_for_ever_make_place_too() {
    let site = Site::start_with(|server| server.max_connections(2).idle_timeout(Duration::MAX));
    let (site, mut clients) = (site.await, Vec::new());
    for _ in 0..10 {
        let mut client = site.connect().await;
        client.get("/").await;
        clients.push(client);
    }
    until(|| site.connections.open() == 2).await;
}
