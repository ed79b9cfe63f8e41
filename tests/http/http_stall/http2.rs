//! Clients of HTTP/2, in raw bytes: one that never reads cannot be written with a library that
//! does.

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

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// All that a client says to ask for `path`, with leave to send it whatever comes of it; `method`
/// as HPACK has it.
fn ask(method: u8, path: &str, has_body: bool) -> Vec<u8> {
    const WINDOW_MAX: u32 = (1 << 31) - 1;
    let settings = [&[0, 4], &WINDOW_MAX.to_be_bytes()[..]].concat(); // the first window of each stream
    let window = (WINDOW_MAX - 65_535).to_be_bytes();
    let path = [&[4, u8::try_from(path.len()).expect("a short path")], path.as_bytes()].concat();
    let head = [&[method, 0x86, 1, 4], &b"here"[..], &path].concat(); // http, and an authority
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &settings));
    bytes.extend(frame(8, 0, 0, &window));
    bytes.extend(frame(1, if has_body { 0b100 } else { 0b101 }, 1, &head));
    bytes
}

fn get(path: &str) -> Vec<u8> {
    ask(0x82, path, false)
}

#[tokio::test]
async fn a_client_of_http2_that_does_not_read_is_cut() {
    for kind in ["chain", "blocks"] {
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(get(&format!("/{kind}-64"))).await;
        until(|| site.pool.leased() > 64 << 10).await;
        site.until_cut(Instant::now()).await;
        client.end().await;
    }
}

#[tokio::test]
async fn a_client_of_http2_that_reads_slowly_is_not_cut() {
    let run = ["chain", "blocks"].map(async |kind| {
        const LEN: usize = 2 << 20;
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(get(&format!("/{kind}-2"))).await;
        for _ in 0..20 {
            sleep(Duration::from_millis(100)).await;
            client.0.read_exact(&mut vec![0; LEN / 20]).await.expect("the rest of it");
        }
        client.end().await;
        until(|| site.pool.leased() == 0).await;
    });
    join_all(run).await;
}

#[tokio::test]
async fn without_a_limit_a_client_of_http2_that_does_not_read_is_not_cut() {
    let site = Site::start(Duration::MAX).await;
    let mut client = site.connect().await;
    client.send(get("/blocks-64")).await;
    sleep(LIMIT * 3).await;
    assert_eq!(site.connections.open(), 1);
    drop(client);
    until(|| site.connections.open() == 0 && site.pool.leased() == 0).await;
}

#[tokio::test]
async fn bodies_of_http2_that_do_not_come_are_out_of_sight() {
    let asked = [get("/poll"), ask(0x83, "/collect", true)];
    let run = asked.map(async |asked| {
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(asked).await;
        until(|| site.connections.awake() == 1).await;
        sleep(LIMIT * 2).await;
        assert_eq!(site.connections.awake(), 1);
        drop(client);
        until(|| site.connections.open() == 0 && site.pool.leased() == 0).await;
    });
    join_all(run).await;
}
