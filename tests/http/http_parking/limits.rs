//! What a server takes at most.

use std::time::Duration;

use crate::http_parking::site::Site;

#[tokio::test]
async fn one_connection_too_many_waits_until_another_ends() {
    let site = Site::start_with(|server| server.max_connections(2).evict_idle(false)).await;
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    first.get("/").await;
    second.get("/").await;
    let mut third = site.connect().await;
    third.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(third.is_quiet(Duration::from_millis(400)).await);
    first.get("/").await; // the others go on
    drop(second);
    assert!(third.answer().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_connection_that_is_not_kept_alive_ends_with_its_answer() {
    let site = Site::start_with(|server| server.keep_alive(false)).await;
    let mut client = site.connect().await;
    assert!(client.get("/").await.contains("connection: close"));
    assert!(client.end().await < Duration::from_millis(500));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    for most in [500, 6000] {
        let site = Site::start_with(|server| server.max_header_size(most)).await;
        let mut client = site.connect().await;
        client.get("/").await;
        // It is not waited for either.
        client.send(format!("GET / HTTP/1.1\r\nHost: here\r\nX: {}", "x".repeat(most))).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}
