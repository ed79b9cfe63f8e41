//! A request that has come whole waits in line for room, however long its head is.

use std::{
    future::IntoFuture,
    time::{Duration, Instant},
};

use leasehold::{
    Pool,
    http::serve::{from_hyper, serve},
};
use tokio::{io::AsyncWriteExt, net::TcpListener, time::sleep};

use crate::http_full::{
    client::Client,
    site::{Answers, fill, start},
};

fn get(head_len: usize) -> String {
    let head = "GET / HTTP/1.1\r\nHost: here\r\nX: ";
    format!("{head}{}\r\n\r\n", "x".repeat(head_len.saturating_sub(head.len() + 4)))
}

fn post(body_len: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {body_len}\r\n\r\n{}",
        "x".repeat(body_len)
    )
}

/// The pool is full for 600 ms.
#[tokio::test]
async fn a_whole_head_waits_until_there_is_room() {
    let requests = [
        get(60),
        get(900),
        get(3_000),
        get(4_096),
        get(5_000),
        get(20_000),
        post(600),
        post(3_000),
        post(100_000),
    ];
    for request in requests {
        let site = start(1 << 20, |server| server).await;
        let held = fill(&site.pool);
        let mut client = Client::connect(site.address);
        let since = Instant::now();
        client.send_all(&request).await;
        tokio::spawn(async move {
            sleep(Duration::from_millis(600)).await;
            drop(held);
        });
        let answer = client.answer().await;
        let took = since.elapsed();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK"),
            "{} bytes, after {took:?}: {answer}",
            request.len()
        );
        assert!(took >= Duration::from_millis(550), "{took:?}");
        site.end(client).await;
    }
}

#[tokio::test]
async fn who_waits_too_long_is_told_so() {
    let max_wait = Pool::builder()
        .budget(1 << 20)
        .max_wait(Duration::from_millis(400))
        .build()
        .expect("a pool");
    let plain = Pool::new(1 << 20).expect("a pool");
    for (pool, header_timeout) in
        [(max_wait, Duration::from_secs(30)), (plain, Duration::from_millis(400))]
    {
        for request in [get(60), get(900), get(5_000), post(600), post(50_000)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
            let address = listener.local_addr().expect("an address");
            let server = serve(listener, from_hyper(Answers))
                .pool(&pool, 100_000)
                .header_timeout(header_timeout);
            let server = tokio::spawn(async move { _ = server.await });
            sleep(Duration::from_millis(20)).await;
            let held = fill(&pool);
            let mut client = Client::connect(address);
            let since = Instant::now();
            client.send_all(&request).await;
            let answer = client.answer().await;
            let took = since.elapsed();
            assert!(answer.starts_with("HTTP/1.1 503 "), "{} bytes: {answer}", request.len());
            assert!(
                answer.contains("retry-after: ") && answer.contains("connection: close"),
                "{answer}"
            );
            assert!(
                Duration::from_millis(350) < took && took < Duration::from_millis(1500),
                "{took:?}"
            );
            assert_eq!(client.end_kind().await, Ok(()), "{} bytes", request.len());
            drop(held);
            server.abort();
            assert_eq!(pool.leased(), 0);
        }
    }
}

/// The room to wait in is bounded: one more is told so at once.
#[tokio::test]
async fn one_too_many_is_told_so_at_once() {
    let site = start(1 << 20, |server| server).await;
    let held = fill(&site.pool);
    let mut clients = Vec::new();
    for _ in 0..300 {
        let mut client = Client::connect(site.address);
        client.send(get(900));
        clients.push(client);
        tokio::task::yield_now().await; // so that it is accepted
    }
    sleep(Duration::from_millis(300)).await;
    drop(held);
    let mut counts = (0, 0, Vec::new());
    for client in &mut clients {
        match client.answer().await {
            answer if answer.starts_with("HTTP/1.1 200 OK") => counts.0 += 1,
            answer if answer.starts_with("HTTP/1.1 503 ") => counts.1 += 1,
            other => counts.2.push(other),
        }
    }
    assert_eq!(counts.2, Vec::<String>::new());
    assert!(counts.0 >= 30 && counts.1 >= 30, "{counts:?}");
    drop(clients);
    site.settle().await;
}

/// Half heads are not let into the line, and nobody is reset.
#[tokio::test]
async fn half_a_head_without_room_is_told_so() {
    let site = start(1 << 20, |server| server).await;
    let held = fill(&site.pool);
    let mut outcomes = Vec::new();
    for len in [700, 3_000, 5_000, 20_000] {
        let mut client = Client::connect(site.address);
        let half = get(len);
        client.send_all(&half[..half.len() - 2]).await;
        let answer = client.answer().await;
        outcomes.push((len, answer[..answer.len().min(12)].to_owned(), client.end_kind().await));
    }
    drop(held);
    for (len, answer, end) in outcomes {
        assert_eq!((answer.as_str(), end), ("HTTP/1.1 503", Ok(())), "{len} bytes");
    }
    site.settle().await;
}

/// It cannot be answered before its handshake: it is told to be calm.
#[tokio::test]
async fn a_preface_of_http2_waits_and_is_told_to_be_calm() {
    let site = start(1 << 20, |server| server.header_timeout(Duration::from_millis(400))).await;
    let held = fill(&site.pool);
    let mut client = Client::connect(site.address);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let heard = client.rest().await;
    // RFC 9113 §3.4, §6.8: SETTINGS first, then GOAWAY with ENHANCE_YOUR_CALM, and no stream
    // processed.
    assert_eq!(heard, b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b");
    drop(held);
    site.end(client).await;
}

/// Most clients send all of a request before they read the answer.
#[tokio::test]
async fn who_is_refused_may_send_its_body_to_the_end() {
    let site = start(1 << 20, |server| server.header_timeout(Duration::from_millis(400))).await;
    let held = fill(&site.pool);
    let mut client = Client::connect(site.address);
    client.stream.write_all(post(8 << 20).as_bytes()).await.expect("the server reads");
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(client.end_kind().await, Ok(()));
    drop(held);
    site.end(client).await;
}

/// So that those who wait have their memory whatever the services do.
#[tokio::test]
async fn room_to_wait_is_set_aside_and_given_back() {
    let pool = Pool::new(1 << 20).expect("a pool");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let server =
        tokio::spawn(serve(listener, from_hyper(Answers)).pool(&pool, 100_000).into_future());
    sleep(Duration::from_millis(20)).await;
    let held = fill(&pool);
    assert_eq!(pool.leased(), 15 << 16);
    drop(held);
    server.abort();
    sleep(Duration::from_millis(20)).await;
    assert_eq!(fill(&pool).len(), 1 << 10);
    assert_eq!(pool.leased(), 0);
}

/// The deadline of the head, not that of the wait, may be the first to pass. Both refusals count.
#[tokio::test]
async fn a_head_that_waits_too_long_counts_as_refused_whichever_deadline_passes() {
    for (header_timeout, max_wait) in [(30, 1), (1, 30)].map(|(a, b)| (secs(a), secs(b))) {
        let pool = Pool::builder().budget(1 << 20).max_wait(max_wait).build().expect("a pool");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = serve(listener, from_hyper(Answers))
            .pool(&pool, 100_000)
            .header_timeout(header_timeout);
        let server = tokio::spawn(server.into_future());
        sleep(Duration::from_millis(10)).await;
        let held = fill(&pool);
        let before = pool.stats().refused;
        let mut client = Client::connect(address);
        client.send_all(&get(60)).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("no room for another connection; try again in a moment\n"));
        assert_eq!(pool.stats().refused, before + 1, "{header_timeout:?}, {max_wait:?}");
        drop((held, client));
        server.abort();
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
