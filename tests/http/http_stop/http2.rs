//! HTTP/2: streams that were opened before the signal are answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request,
    client::conn::http2::{SendRequest, handshake},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::http_stop::{
    client::PATIENCE,
    site::{Site, start_plain},
};

async fn connect(site: &Site) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(site.address).await.expect("the server listens");
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn get(sender: &SendRequest<Empty<Bytes>>, millis: u32) -> Result<Bytes, hyper::Error> {
    let request =
        Request::get(format!("http://here/{millis}")).body(Empty::new()).expect("a request");
    let response = sender.clone().send_request(request).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn streams_that_were_opened_before_the_signal_are_answered() {
    let mut site = start_plain().await;
    let sender = connect(&site).await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move { get(&sender, 300).await })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    site.stop();
    for asked in asked {
        assert_eq!(asked.await.expect("no panic").expect("an answer"), "heard ");
    }
    let since = Instant::now();
    assert_eq!(site.end().await, 0);
    assert!(since.elapsed() < Duration::from_secs(1));
    assert!(get(&sender, 0).await.is_err());
}

/// It has sent its preface, and a request behind it, and no task of the server has run since.
#[tokio::test]
async fn a_fresh_connection_is_answered() {
    let mut site = start_plain().await;
    sleep(Duration::from_millis(50)).await;
    let stream = std::net::TcpStream::connect(site.address).expect("the server listens");
    let head = b"\x82\x86\x01\x04here\x04\x04/300";
    let request = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\0\0\0\x04\0\0\0\0\0",
        &[0, 0, head.len() as u8, 1, 5, 0, 0, 0, 1],
        head,
    ];
    std::io::Write::write_all(&mut &stream, &request.concat()).expect("the server reads");
    site.stop();
    stream.set_nonblocking(true).expect("an option");
    let mut stream = TcpStream::from_std(stream).expect("a stream");
    let mut heard = Vec::new();
    // It answers the pings of neither hyper nor us: it is given up in time.
    let rest = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("an end in time");
    assert!(rest.is_ok(), "{rest:?}");
    assert!(heard.windows(6).any(|piece| piece == b"heard "), "{heard:?}");
    drop(stream.shutdown().await);
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn a_connection_that_is_idle_is_told_and_closed() {
    let mut site = start_plain().await;
    let sender = connect(&site).await;
    get(&sender, 0).await.expect("an answer");
    sleep(Duration::from_millis(100)).await;
    site.stop();
    let since = Instant::now();
    assert_eq!(site.end().await, 0);
    assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
}

/// It answers no ping, so that hyper cannot tell which streams it opened before it heard of the
/// end.
#[tokio::test]
async fn a_client_that_keeps_asking_keeps_no_server() {
    let mut site = start_plain().await;
    let stream = TcpStream::connect(site.address).await.expect("the server listens");
    let (mut reads, mut writes) = stream.into_split();
    let asking = tokio::spawn(async move {
        let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"\0\0\0\x04\0\0\0\0\0"].concat();
        let mut sent = writes.write_all(&preface).await;
        for number in (1_u32..).step_by(2) {
            if sent.is_err() {
                return;
            }
            let head = b"\x82\x86\x01\x04here\x04\x03/50";
            let frame = [&[0, 0, head.len() as u8, 1, 5][..], &number.to_be_bytes(), head].concat();
            sent = writes.write_all(&frame).await;
            sleep(Duration::from_millis(20)).await;
        }
    });
    tokio::spawn(async move {
        let mut dropped = [0; 4096];
        while matches!(reads.read(&mut dropped).await, Ok(1..)) {}
    });
    sleep(Duration::from_millis(200)).await;
    site.stop();
    let since = Instant::now();
    assert_eq!(site.end().await, 0);
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    asking.await.expect("no panic");
}
