//! Clients that send their bodies, and that do not.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::http_stall::{
    client::until,
    site::{LIMIT, Site, assert_took_the_limit},
};

const PAUSE: Duration = Duration::from_millis(100);
/// With a pause after each byte, more than three times the limit.
const TEXT: &str = "an upload of some words";

/// Paths whose services wait for the body, in the connection's task and outside of it.
const WAITING: [&str; 3] = ["/collect", "/spawned", "/spawned-early"];

/// The head of a request whose body is [`TEXT`], and its body byte by byte; in chunks, or of a
/// length that is said before.
fn post(path: &str, is_chunked: bool) -> (String, Vec<String>) {
    let framing = if is_chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 23" };
    let head = format!("POST {path} HTTP/1.1\r\nHost: here\r\n{framing}\r\n\r\n");
    let mut parts: Vec<_> = TEXT.chars().map(String::from).collect();
    if is_chunked {
        parts.iter_mut().for_each(|part| *part = format!("1\r\n{part}\r\n"));
        parts.push("0\r\n\r\n".to_owned());
    }
    (head, parts)
}

#[tokio::test]
async fn an_upload_that_stops_is_cut() {
    let cases = WAITING
        .iter()
        .flat_map(|path| [(false, 0), (false, 5), (true, 0), (true, 5)].map(|how| (path, how)));
    let run = cases.map(async |(path, (is_chunked, begun))| {
        let mut site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        let (head, parts) = post(path, is_chunked);
        client.send(head).await;
        for part in &parts[..begun] {
            sleep(PAUSE).await;
            client.send(part).await;
        }
        let since = Instant::now();
        site.until_cut(since).await;
        client.end().await;
        if *path == "/spawned-early" {
            let heard = site.heard.recv().await.expect("a task");
            assert!(heard.starts_with("failed: reading the body failed"), "{heard}");
        }
    });
    join_all(run).await;
}

/// The beginning of a chunk is nothing to a service.
#[tokio::test]
async fn an_upload_of_bytes_that_are_no_body_is_cut() {
    let run = WAITING.map(async |path| {
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        client.send(post(path, true).0).await;
        let since = Instant::now();
        assert!(!client.drip("0".repeat(40), PAUSE).await, "{path}: it is not cut");
        assert_took_the_limit(since.elapsed());
        assert_eq!((site.connections.open(), site.pool.leased()), (0, 0));
    });
    join_all(run).await;
}

#[tokio::test]
async fn a_slow_upload_is_not_cut() {
    let cases = WAITING.iter().flat_map(|path| [(path, false), (path, true)]);
    let run = cases.map(async |(path, is_chunked)| {
        let mut site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        let (head, parts) = post(path, is_chunked);
        client.send(head).await;
        for part in parts {
            sleep(PAUSE).await;
            client.send(part).await;
        }
        let answer = client.answer().await;
        let heard = if *path == "/spawned-early" {
            site.heard.recv().await.expect("a task")
        } else {
            answer
        };
        assert!(heard.ends_with("heard 23"), "{path}: {heard}");
        until(|| site.pool.leased() == 0).await;
    });
    join_all(run).await;
}

#[tokio::test]
async fn a_service_that_takes_its_time_is_not_cut() {
    let cases = [("/sleep", false), ("/sleep", true), ("/ask", false), ("/ask", true)];
    let run = cases.map(async |(path, is_chunked)| {
        let site = Site::start(LIMIT).await;
        let mut client = site.connect().await;
        let (head, parts) = post(path, is_chunked);
        client.send(head).await;
        sleep(PAUSE).await; // so that it is asked for before it is there
        client.send(parts.concat()).await;
        assert!(client.answer().await.ends_with("heard 23"), "{path}");
    });
    join_all(run).await;
}

#[tokio::test]
async fn a_service_that_takes_a_part_and_its_time_is_not_cut() {
    let site = Site::start(LIMIT).await;
    let mut client = site.connect().await;
    let (head, parts) = post("/sip", false);
    client.send(head + &parts[..5].concat()).await;
    sleep(LIMIT * 2).await;
    client.send(parts[5..].concat()).await;
    assert!(client.answer().await.ends_with("heard 18"));
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_is_not_cut() {
    let site = Site::start(LIMIT).await;
    let mut client = site.connect().await;
    let (head, parts) = post("/sleep", false);
    client.send(head).await;
    sleep(LIMIT * 2).await;
    client.send(parts.concat()).await;
    assert!(client.answer().await.ends_with("heard 23"));
}

#[tokio::test]
async fn without_a_limit_an_upload_that_stops_is_not_cut() {
    let run = WAITING[..2].iter().map(async |path| {
        let site = Site::start(Duration::MAX).await;
        let mut client = site.connect().await;
        let (head, parts) = post(path, false);
        client.send(head + &parts[..5].concat()).await;
        sleep(LIMIT * 3).await;
        client.send(parts[5..].concat()).await;
        assert!(client.answer().await.ends_with("heard 23"));
    });
    join_all(run).await;
}

#[tokio::test]
async fn a_body_that_was_made_hypers_own_is_out_of_sight() {
    let site = Site::start(LIMIT).await;
    let mut client = site.connect().await;
    let (head, parts) = post("/incoming", false);
    client.send(head).await;
    sleep(PAUSE).await; // so that it was asked for before
    client.send(parts[..5].concat()).await;
    sleep(LIMIT * 3).await;
    client.send(parts[5..].concat()).await;
    assert!(client.answer().await.ends_with("heard 23"));
}

/// Who reads a body asks for it while its connection looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn uploads_are_cut_or_not_on_many_threads_too() {
    let site = Site::start(LIMIT).await;
    let run = (0..40).map(async |index| {
        let mut client = site.connect().await;
        let (head, mut parts) = post("/spawned", true);
        let is_whole = index % 2 == 0;
        if !is_whole {
            parts.truncate(5);
        }
        client.send(head).await;
        for part in parts {
            sleep(PAUSE).await;
            client.send(part).await;
        }
        if is_whole {
            assert!(client.answer().await.ends_with("heard 23"));
        } else {
            assert_took_the_limit(client.end().await);
        }
    });
    join_all(run).await;
    until(|| site.connections.open() == 0 && site.pool.leased() == 0).await;
}
