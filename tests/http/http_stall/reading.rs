//! Clients that read their response, and that do not.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep},
};

use crate::http_stall::{
    client::until,
    site::{LIMIT, Site},
};

/// Responses of one frame, which hyper has at once, and of many, which it asks for one by one.
const KINDS: [&str; 2] = ["chain", "blocks"];

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")
}

#[tokio::test]
async fn a_client_that_stops_reading_its_response_is_cut() {
    let cases = KINDS.iter().flat_map(|kind| [(kind, 0), (kind, 10 << 20)]);
    let run = cases.map(async |(kind, read)| {
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(get(&format!("/{kind}-64"))).await;
        client.0.read_exact(&mut vec![0; read]).await.expect("a part of it");
        until(|| site.pool.leased() > 64 << 10).await;
        site.until_cut(Instant::now()).await;
        client.end().await;
    });
    for case in run {
        case.await; // one after the other: each leases 64 MiB
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut() {
    let run = KINDS.map(async |kind| {
        const LEN: usize = 2 << 20;
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(get(&format!("/{kind}-2"))).await;
        let since = Instant::now();
        let mut left = LEN;
        while left > 0 {
            sleep(Duration::from_millis(100)).await;
            let mut room = vec![0; left.min(LEN / 20)];
            client.0.read_exact(&mut room).await.expect("the rest of it");
            left -= room.len();
        }
        assert!(since.elapsed() > LIMIT * 3);
        client.end().await; // the head came on top
        until(|| site.pool.leased() == 0).await;
    });
    join_all(run).await;
}

#[tokio::test]
async fn without_a_limit_a_client_that_does_not_read_is_not_cut() {
    let run = KINDS.map(async |kind| {
        let site = Site::start(Duration::MAX).await;
        let mut client = site.connect().await;
        client.send(get(&format!("/{kind}-8"))).await;
        sleep(LIMIT * 3).await;
        client.0.read_exact(&mut vec![0; 8 << 20]).await.expect("all of it");
        client.end().await;
        until(|| site.pool.leased() == 0).await;
    });
    join_all(run).await;
}

#[tokio::test]
async fn a_response_that_has_nothing_to_send_is_not_cut() {
    let site = Site::start(LIMIT).await;
    let mut client = site.connect().await;
    client.send(get("/poll")).await;
    let mut answer = String::new();
    while !answer.ends_with("\r\n0\r\n\r\n") {
        answer.push(client.0.read_u8().await.expect("the rest of it").into());
    }
    assert!(answer.ends_with("\r\n5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn requests_one_after_the_other_are_answered_as_ever() {
    let site = Site::start(Duration::from_millis(250)).await;
    let mut client = site.connect().await;
    let post = "POST /collect HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody";
    for _ in 0..5 {
        client.send(format!("{}{post}{}{post}", get("/"), get("/chain-1"))).await;
        for end in ["hello", "heard 4", "\u{7}", "heard 4"] {
            let answer = client.answer().await;
            assert!(answer.ends_with(end), "{}", &answer[..answer.len().min(1000)]);
        }
        until(|| site.pool.leased() == 0).await;
        sleep(Duration::from_millis(100)).await;
    }
}
