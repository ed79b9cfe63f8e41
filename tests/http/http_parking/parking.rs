//! When connections are parked.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::http_parking::{
    client::until,
    site::{AWAKE_LEN, Site},
};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_connection_is_parked_when_its_linger_is_over_and_not_before() {
    let site = Site::start_with(|server| server.linger(Duration::from_secs(1))).await;
    let mut client = site.connect().await;
    for _ in 0..2 {
        client.get("/").await;
        sleep(Duration::from_millis(500)).await;
        assert_eq!(site.awake(), 1);
        until(|| site.pool.leased() == 0).await;
    }
    client.get("/").await;
}

#[tokio::test]
async fn a_connection_without_linger_is_parked_at_once() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for _ in 0..3 {
        client.get("/").await;
        until(|| site.pool.leased() == 0).await;
    }
}

#[tokio::test]
async fn a_request_carries_the_account_of_its_connection() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for _ in 0..2 {
        assert!(client.get("/account").await.ends_with(r#"Some(("connection", 100000))"#));
        until(|| site.pool.leased() == 0).await;
    }
}

#[tokio::test]
async fn no_more_linger_than_the_warm_list_may_hold() {
    let site = Site::start_with(|server| server.linger(LONG).max_warm(3 * AWAKE_LEN)).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = site.connect().await;
        client.get("/").await;
        clients.push(client);
    }
    until(|| site.awake() == 3).await;
    for client in &mut clients {
        client.get("/").await;
    }
    until(|| site.awake() == 3).await;
    // Half a head after a linger is no way around it.
    for client in &mut clients {
        client.send("GET / HT").await;
    }
    sleep(Duration::from_millis(100)).await;
    for client in &mut clients {
        client.send("TP/1.1\r\nHost: here\r\n\r\n").await;
        client.answer().await;
    }
    until(|| site.awake() == 3).await;
    drop(clients);
    until(|| site.pool.leased() == 0).await;
}

#[tokio::test]
async fn what_a_large_upload_left_in_hyper_counts_in_the_warm_list() {
    let site = Site::start_with(|server| server.linger(LONG).max_warm(3 * AWAKE_LEN)).await;
    let (mut small, mut large) = (site.connect().await, site.connect().await);
    small.get("/").await;
    until(|| site.awake() == 1).await;
    // hyper reads it into more and more.
    large.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 500000\r\n\r\n").await;
    large.send(vec![b'x'; 500_000]).await;
    assert!(large.answer().await.ends_with("\""));
    until(|| site.awake() == 1).await;
    large.get("/").await;
    until(|| site.awake() == 2).await;
    large.get("/").await;
    drop((small, large));
    until(|| site.pool.leased() == 0).await;
}

#[tokio::test]
async fn those_that_linger_are_parked_when_memory_is_short() {
    let site = Site::start_with(|server| server.linger(LONG)).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = site.connect().await;
        client.get("/").await;
        clients.push(client);
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(site.awake(), 4);
    let others: Vec<_> = (0..4).map(|_| site.pool.try_reserve(220 << 10).expect("room")).collect();
    assert!(site.pool.pressure().is_high());
    until(|| site.pool.leased() == 880 << 10).await;
    for client in &mut clients {
        client.get("/").await; // and at once, as long as it is
        until(|| site.pool.leased() == 880 << 10).await;
    }
    drop(others);
    sleep(Duration::from_millis(300)).await; // the pool is asked four times a second
    clients[0].get("/").await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(site.awake(), 1);
}

#[tokio::test]
async fn requests_for_which_there_is_no_room_wait_in_line() {
    let site = Site::start().await;
    let ask = async || {
        let mut client = site.connect().await;
        assert!(client.get("/slow").await.ends_with("slow"));
    };
    join_all((0..120).map(|_| ask())).await; // 28 at once fill half of the pool
    assert!(
        site.pool.peak() >= 25 * AWAKE_LEN && site.pool.peak() <= 512 << 10,
        "{}",
        site.pool.peak()
    );
    assert!(site.pool.stats().waits > 0);
    until(|| site.pool.leased() == 0).await;
}

#[tokio::test]
async fn services_find_memory_however_many_requests_wait() {
    let site = Site::start().await;
    let ask = async || {
        let mut client = site.connect().await;
        for _ in 0..2 {
            assert!(client.get("/lease").await.ends_with("true"));
        }
    };
    join_all((0..120).map(|_| ask())).await;
    until(|| site.pool.leased() == 0).await;
}

#[tokio::test]
async fn who_lingers_makes_room_for_who_waits() {
    let site = Site::start_with(|server| server.linger(LONG)).await;
    let mut clients = Vec::new();
    for _ in 0..120 {
        let mut client = site.connect().await;
        client.get("/").await;
        clients.push(client);
    }
    assert!(site.awake() <= 28);
    join_all(clients.iter_mut().map(async |client| client.get("/").await)).await;
}

#[tokio::test]
async fn half_a_head_takes_no_room() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHos").await;
        sleep(Duration::from_millis(100)).await;
        assert_eq!(site.pool.leased(), 0);
        client.send("t: here\r\n\r\n").await;
        assert!(client.answer().await.starts_with("HTTP/1.1 200 OK"));
        until(|| site.pool.leased() == 0).await;
    }
}
