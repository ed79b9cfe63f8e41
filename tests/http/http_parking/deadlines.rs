//! Who is too slow is cut.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::http_parking::{
    client::{Client, until},
    site::Site,
};

const PAUSE: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(1);

/// Deadlines are at most half a second late; the rest is for a busy machine.
fn assert_is_timeout(took: Duration) {
    assert!(took >= TIMEOUT && took < TIMEOUT * 2, "cut after {took:?}");
}

/// Says `begin`, then `more` again and again, until the server has enough.
async fn nag(client: &mut Client<TcpStream>, begin: &str, more: &str, pause: Duration) -> Duration {
    let since = Instant::now();
    client.send(begin).await;
    let (mut reader, mut writer) = client.0.split();
    let write = async {
        loop {
            if writer.write_all(more.as_bytes()).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(pause).await;
        }
    };
    let read = async { while reader.read_u8().await.is_ok() {} };
    tokio::select! {
        () = write => unreachable!(),
        () = read => {}
        () = tokio::time::sleep(TIMEOUT * 5) => panic!("it is not cut"),
    }
    since.elapsed()
}

#[tokio::test]
async fn a_slow_head_is_cut_on_a_new_connection_a_parked_one_and_one_that_lingers() {
    for (linger, requests) in [(0, 0), (0, 1), (60, 1)] {
        let set = |server: leasehold::http::serve::Serve<_, _>| {
            server.header_timeout(TIMEOUT).linger(Duration::from_secs(linger))
        };
        let site = Site::start_with(set).await;
        let long = "x".repeat(4000);
        let ways = [
            ("GET / HTTP/1.1\r\nHost: here\r\nX: ", "x", PAUSE),
            ("GET / HTTP/1.1\r\nHost: here\r\n", "X: y\r\n", Duration::from_millis(50)),
            ("GET / HTTP/1.1\r\nHost: here\r\nX: ", &long, PAUSE), // which hyper reads
            ("\r\n", "\r\n", PAUSE),
            ("PRI * HTTP/2.0\r\n", "x", PAUSE),
            ("P", "x", PAUSE),
        ];
        let run = ways.map(async |(begin, more, pause)| {
            let mut client = site.connect().await;
            for _ in 0..requests {
                client.get("/").await;
            }
            (begin, nag(&mut client, begin, more, pause).await)
        });
        for (begin, took) in futures_util::future::join_all(run).await {
            println!("linger {linger}, {begin:?}: {took:?}");
            // What is broken is answered and closed before.
            if !begin.starts_with("PRI") {
                assert_is_timeout(took);
            }
        }
        until(|| site.pool.leased() == 0).await;
    }
}

#[tokio::test]
async fn a_slow_preface_is_cut() {
    let site = Site::start_with(|server| server.header_timeout(TIMEOUT)).await;
    let mut client = site.connect().await;
    let since = Instant::now();
    assert!(
        !client.drip("PRI * HTTP/2.0\r\n\r\nSM\r\n", PAUSE).await || client.end().await < PAUSE
    );
    assert!(since.elapsed() < TIMEOUT * 3);
    // Nor is the time begun anew where HTTP/2 is told from HTTP/1.
    let mut client = site.connect().await;
    let since = Instant::now();
    client.drip("PR", TIMEOUT / 3).await;
    client.send("X / HTTP/1.1\r\nHo").await;
    client.end().await;
    assert_is_timeout(since.elapsed());
}

#[tokio::test]
async fn a_slow_body_is_not_cut() {
    let site =
        Site::start_with(|server| server.header_timeout(TIMEOUT / 4).idle_timeout(TIMEOUT)).await;
    let mut client = site.connect().await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\n").await;
        assert!(client.drip("slowness", PAUSE).await);
        assert!(client.answer().await.ends_with(r#"heard b"slowness""#));
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_cut() {
    let site =
        Site::start_with(|server| server.header_timeout(TIMEOUT / 4).idle_timeout(TIMEOUT / 4))
            .await;
    assert!(site.connect().await.get("/slow").await.ends_with("slow"));
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    for linger in [Duration::ZERO, Duration::from_millis(500)] {
        let site = Site::start_with(|server| server.idle_timeout(TIMEOUT).linger(linger)).await;
        let (mut new, mut used) = (site.connect().await, site.connect().await);
        used.get("/").await;
        let (new, used) = tokio::join!(new.end(), used.end());
        assert!(new >= TIMEOUT - Duration::from_millis(50) && new < TIMEOUT * 2, "{new:?}");
        assert!(
            used >= TIMEOUT - Duration::from_millis(50) && used < TIMEOUT * 2 + linger,
            "{used:?}"
        );
    }
}

#[tokio::test]
async fn each_request_begins_the_time_anew() {
    let site =
        Site::start_with(|server| server.idle_timeout(TIMEOUT).header_timeout(TIMEOUT)).await;
    let mut client = site.connect().await;
    for _ in 0..5 {
        client.get("/").await;
        tokio::time::sleep(TIMEOUT / 2).await;
    }
    assert!(client.is_quiet(TIMEOUT / 10).await);
}
