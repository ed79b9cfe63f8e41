//! How a server ends.

use std::time::{Duration, Instant};

use tokio::{net::TcpStream, sync::oneshot, time::sleep};

use crate::http_parking::site::Site;

#[tokio::test]
async fn a_graceful_shutdown_closes_who_is_idle_and_answers_who_is_not() {
    for linger in [Duration::ZERO, Duration::from_secs(60)] {
        let (stop, stopped) = oneshot::channel::<()>();
        let set = |server: leasehold::http::serve::Serve<_, _>| {
            server.linger(linger).with_graceful_shutdown(async { drop(stopped.await) })
        };
        let site = Site::start_with(set).await;
        let (mut idle, mut busy, mut new) =
            (site.connect().await, site.connect().await, site.connect().await);
        idle.get("/").await;
        busy.get("/").await;
        busy.send("GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
        sleep(Duration::from_millis(100)).await;
        let since = Instant::now();
        stop.send(()).expect("the server waits");
        let (idle, new) = tokio::join!(idle.end(), new.end());
        assert!(
            idle < Duration::from_millis(200) && new < Duration::from_millis(200),
            "{idle:?}, {new:?}"
        );
        assert!(TcpStream::connect(site.address).await.is_err());
        assert!(!site.server.is_finished());
        let answer = busy.answer().await;
        assert!(answer.contains("connection: close") && answer.ends_with("slow"), "{answer}");
        busy.end().await;
        assert_eq!(site.server.await.expect("no panic").expect("no error").cut(), 0);
        assert!(since.elapsed() < Duration::from_secs(1));
        assert_eq!(site.pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_server_without_connections_ends_at_once() {
    let site = Site::start_with(|server| server.with_graceful_shutdown(async {})).await;
    assert_eq!(site.server.await.expect("no panic").expect("no error").cut(), 0);
}

#[tokio::test]
async fn a_server_that_is_dropped_accepts_no_more_and_serves_who_is_there() {
    let site = Site::start_with(|server| server.idle_timeout(Duration::from_secs(1))).await;
    let mut client = site.connect().await;
    client.get("/").await;
    site.server.abort();
    assert!(site.server.await.is_err_and(|error| error.is_cancelled()));
    assert!(TcpStream::connect(site.address).await.is_err());
    client.get("/").await;
    // And their time goes on.
    assert!(client.end().await < Duration::from_millis(2500));
}
