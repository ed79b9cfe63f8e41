//! How connections are counted.

use std::time::Duration;

use futures_util::future::join_all;
use leasehold::http::serve::{Connections, Serve};
use tokio::{io::AsyncReadExt, sync::oneshot, time::sleep};

use crate::http_parking::{client::until, site::Site};

const LONG: Duration = Duration::from_secs(60);

/// Waits until so many are awake and parked.
#[track_caller]
fn until_they_are(
    connections: &Connections,
    awake: usize,
    parked: usize,
) -> impl Future<Output = ()> {
    until(move || {
        (connections.awake(), connections.parked(), connections.open())
            == (awake, parked, awake + parked)
    })
}

#[tokio::test]
async fn a_connection_is_awake_with_its_request_and_parked_before_and_after() {
    let site = Site::start().await;
    let connections = site.connections.clone();
    assert_eq!((connections.open(), connections.accepted()), (0, 0));
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    until_they_are(&connections, 0, 2).await;
    for _ in 0..2 {
        first.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
        until_they_are(&connections, 1, 1).await;
        first.answer().await;
        until_they_are(&connections, 0, 2).await;
    }
    // Half a head wakes nobody.
    second.send("GET / HT").await;
    sleep(Duration::from_millis(100)).await;
    until_they_are(&connections, 0, 2).await;
    drop(first);
    until_they_are(&connections, 0, 1).await;
    drop(second);
    until_they_are(&connections, 0, 0).await;
    assert_eq!(connections.accepted(), 2);
}

#[tokio::test]
async fn who_lingers_is_awake() {
    let site = Site::start_with(|server| server.linger(Duration::from_secs(1))).await;
    let mut client = site.connect().await;
    client.get("/").await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(site.connections.awake(), 1);
    until_they_are(&site.connections, 0, 1).await;
}

#[tokio::test]
async fn who_waits_in_line_for_room_is_parked() {
    let site = Site::start().await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = site.connect().await;
        client.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
        clients.push(client);
    }
    until_they_are(&site.connections, 28, 12).await; // 28 at once fill half of the pool
    join_all(clients.iter_mut().map(async |client| client.answer().await)).await;
    until_they_are(&site.connections, 0, 40).await;
}

#[tokio::test]
async fn an_upgraded_connection_is_no_longer_counted() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client
        .send("GET /upgrade HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .await;
    assert!(client.answer().await.starts_with("HTTP/1.1 101"));
    until_they_are(&site.connections, 0, 0).await;
    client.send("still").await;
    let mut echo = [0; 5];
    client.0.read_exact(&mut echo).await.expect("an echo");
    assert_eq!(site.connections.accepted(), 1);
}

#[tokio::test]
async fn a_service_that_panics_leaves_no_count_behind() {
    let site = Site::start_with(|server| {
        server.linger(LONG).max_warm(2 * crate::http_parking::site::AWAKE_LEN)
    })
    .await;
    for _ in 0..4 {
        let mut client = site.connect().await;
        client.get("/").await;
        until_they_are(&site.connections, 1, 0).await;
        client.send("GET /panic HTTP/1.1\r\nHost: here\r\n\r\n").await;
        client.end().await;
        until_they_are(&site.connections, 0, 0).await;
    }
    // Nor a place among those that may linger.
    let mut client = site.connect().await;
    client.get("/").await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(site.connections.awake(), 1);
}

#[tokio::test]
async fn a_graceful_shutdown_counts_down_to_nothing() {
    let (stop, stopped) = oneshot::channel::<()>();
    let set = |server: Serve<_, _>| server.with_graceful_shutdown(async { drop(stopped.await) });
    let site = Site::start_with(set).await;
    let connections = site.connections.clone();
    let (mut idle, mut busy) = (site.connect().await, site.connect().await);
    idle.get("/").await;
    busy.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until_they_are(&connections, 1, 1).await;
    assert!(!connections.is_stopping());
    stop.send(()).expect("the server waits");
    until_they_are(&connections, 1, 0).await;
    assert!(connections.is_stopping());
    busy.answer().await;
    assert_eq!(site.server.await.expect("no panic").expect("no error").cut(), 0);
    assert_eq!((connections.open(), connections.awake(), connections.accepted()), (0, 0, 2));
    assert!(connections.is_stopping());
    assert_eq!(site.pool.leased(), 0);
}

#[tokio::test]
async fn a_server_that_is_dropped_counts_until_its_last_connection_has_ended() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.get("/").await;
    site.server.abort();
    assert!(site.server.await.is_err_and(|error| error.is_cancelled()));
    until_they_are(&site.connections, 0, 1).await;
    assert!(!site.connections.is_stopping());
    drop(client);
    until_they_are(&site.connections, 0, 0).await;
    until(|| site.connections.is_stopping()).await;
}
