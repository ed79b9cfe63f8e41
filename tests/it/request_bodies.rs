//! Request bodies through real hyper over loopback, by clients that write each byte themselves:
//! chunked bodies, trailers, clients that expect `100 Continue`, and those that go away.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use leasehold::{
    Chain, Pool,
    http::{ChainBody, LeasedBody, collect},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::support::bodies;
use bodies::pattern;

const LIMIT: usize = 1 << 20;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

/// A client of a server that answers requests to `/collect` with their collected body, others with
/// it chain by chain, and the trailers.
async fn connect(pool: &Pool) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let client =
        TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (server, _) = listener.accept().await.expect("a connection");
    let pool = pool.clone();
    let service = service_fn(move |request| echo(request, pool.clone()));
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
    tokio::spawn(serving);
    client
}

async fn echo(request: Request<Incoming>, pool: Pool) -> Result<Response<ChainBody>, Infallible> {
    let is_collected = request.uri().path() == "/collect";
    let echoed = if is_collected {
        collected(request.into_body(), &pool).await
    } else {
        streamed(request.into_body(), &pool).await
    };
    Ok(echoed.unwrap_or_else(|status| {
        let mut response = Response::new(ChainBody::empty());
        *response.status_mut() = status;
        response
    }))
}

async fn collected(body: Incoming, pool: &Pool) -> Result<Response<ChainBody>, StatusCode> {
    match collect(body, pool, LIMIT).await {
        Ok(chain) => Ok(Response::new(ChainBody::new(chain))),
        Err(error) if error.is_too_long() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

async fn streamed(body: Incoming, pool: &Pool) -> Result<Response<ChainBody>, StatusCode> {
    let mut body = LeasedBody::new(body, pool);
    let mut all = Chain::new();
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() {
            Ok(chain) => all.append(chain),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                all.push(Bytes::from(format!("{trailers:?}")));
            }
        }
    }
    Ok(Response::new(ChainBody::new(all)))
}

/// Sends `pieces` with pauses between them, and returns status and body of the response.
async fn exchange(client: &mut TcpStream, pieces: &[&[u8]]) -> (u16, Vec<u8>) {
    for piece in pieces {
        client.write_all(piece).await.expect("the server reads");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    read_response(client).await
}

async fn read_response(client: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |len| len.parse().expect("a number"));
    let mut body = vec![0; len];
    client.read_exact(&mut body).await.expect("a whole body");
    (head["http/1.1 ".len()..][..3].parse().expect("a status"), body)
}

fn head(path: &str, headers: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n").into_bytes()
}

async fn until_home(pool: &Pool) {
    let home = async {
        while pool.leased() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), home).await.expect("all blocks come home");
}

#[tokio::test]
async fn bodies_of_known_length_are_echoed() {
    let pool = pool();
    for path in ["/collect", "/stream"] {
        let mut client = connect(&pool).await;
        for len in [0, 1, 5, 1024, 8 << 10, 65_536, 65_537, LIMIT] {
            let body = pattern(len);
            let head = head(path, &format!("content-length: {len}\r\n"));
            let (status, echoed) = exchange(&mut client, &[&head, &body]).await;
            assert!(
                status == 200 && echoed == body,
                "{path}: {status} and {} bytes for {len}",
                echoed.len()
            );
        }
        drop(client);
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn chunked_bodies_and_trailers_pass() {
    let pool = pool();
    for path in ["/collect", "/stream"] {
        let mut client = connect(&pool).await;
        for len in [1, 10, 100_000] {
            for chunk in [1, 7, 1000, 30_000] {
                if len / chunk > 100 {
                    continue;
                }
                let body = pattern(len);
                let mut sent = Vec::new();
                for bytes in body.chunks(chunk) {
                    sent.extend(format!("{:x}\r\n", bytes.len()).into_bytes());
                    sent.extend(bytes);
                    sent.extend(b"\r\n");
                }
                let head = head(path, "transfer-encoding: chunked\r\ntrailer: checksum\r\n");
                let cut = sent.len() / 2;
                let pieces =
                    [&head[..], &sent[..cut], &sent[cut..], b"0\r\nchecksum: 12", b"34\r\n\r\n"];
                let (status, echoed) = exchange(&mut client, &pieces).await;
                let trailers: &[u8] =
                    if path == "/stream" { b"{\"checksum\": \"1234\"}" } else { b"" };
                assert!(
                    status == 200 && echoed == [&body, trailers].concat(),
                    "{path}: {len} bytes in chunks of {chunk}"
                );
            }
        }
        drop(client);
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn a_client_that_expects_it_is_told_to_continue() {
    let pool = pool();
    for path in ["/collect", "/stream"] {
        let mut client = connect(&pool).await;
        client
            .write_all(&head(path, "content-length: 5\r\nexpect: 100-continue\r\n"))
            .await
            .expect("the server reads");
        assert_eq!(read_response(&mut client).await.0, 100);
        assert_eq!(pool.leased(), 0, "nothing is leased before the body comes");
        assert_eq!(exchange(&mut client, &[b"he", b"llo"]).await, (200, b"hello".to_vec()));
        drop(client);
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn a_client_that_announces_too_much_is_refused_instead_of_told_to_continue() {
    let pool = pool();
    let mut client = connect(&pool).await;
    let too_long =
        head("/collect", &format!("content-length: {}\r\nexpect: 100-continue\r\n", LIMIT + 1));
    assert_eq!(exchange(&mut client, &[&too_long]).await.0, 413);
    assert_eq!((pool.leased(), pool.peak()), (0, 0));
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused() {
    let pool = pool();
    let mut client = connect(&pool).await;
    let chunk = [b"100000\r\n".to_vec(), pattern(LIMIT), b"\r\n".to_vec()].concat();
    let head = head("/collect", "transfer-encoding: chunked\r\n");
    assert_eq!(exchange(&mut client, &[&head, &chunk, b"1\r\nx\r\n"]).await.0, 413);
    drop(client);
    until_home(&pool).await;
}

#[tokio::test]
async fn a_client_that_goes_away_sends_all_blocks_home() {
    let pool = pool();
    for path in ["/collect", "/stream"] {
        let mut client = connect(&pool).await;
        client
            .write_all(&head(path, "content-length: 100000\r\n"))
            .await
            .expect("the server reads");
        client.write_all(&pattern(50_000)).await.expect("the server reads");
        while pool.leased() < 50_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(client);
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_broken_body_is_a_bad_request() {
    let pool = pool();
    for path in ["/collect", "/stream"] {
        let mut client = connect(&pool).await;
        let head = head(path, "transfer-encoding: chunked\r\n");
        assert_eq!(
            exchange(&mut client, &[&head, b"5\r\nhello\r\nno chunk\r\n"]).await.0,
            400,
            "{path}"
        );
        drop(client);
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn kept_bodies_of_a_connection_that_is_gone_hold_what_they_need() {
    let pool = pool();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut client =
        TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (server, _) = listener.accept().await.expect("a connection");
    let (kept, answered) = (Arc::new(std::sync::Mutex::new(Vec::new())), Arc::new(Notify::new()));
    let service = service_fn({
        let (pool, kept) = (pool.clone(), Arc::clone(&kept));
        move |request: Request<Incoming>| {
            let (pool, kept) = (pool.clone(), Arc::clone(&kept));
            async move {
                let chain = collect(request.into_body(), &pool, LIMIT).await.expect("a whole body");
                kept.lock().expect("no panic").push(chain);
                Ok::<_, Infallible>(Response::new(ChainBody::empty()))
            }
        }
    });
    let serving = tokio::spawn({
        let answered = Arc::clone(&answered);
        async move {
            let serving = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(server), service);
            let _ = serving.await;
            answered.notify_one();
        }
    });
    for len in [300_000, 5, 16, 1024] {
        let head = head("/", &format!("content-length: {len}\r\n"));
        assert_eq!(exchange(&mut client, &[&head, &pattern(len)]).await.0, 200);
    }
    drop(client);
    answered.notified().await;
    serving.await.expect("no panic");
    let kept = std::mem::take(&mut *kept.lock().expect("no panic"));
    assert_eq!(kept.iter().map(Chain::len).collect::<Vec<_>>(), [300_000, 5, 16, 1024]);
    assert!(pool.leased() <= 308 << 10, "{} bytes are leased", pool.leased());
    assert_eq!(kept[1..].iter().map(Chain::segment_count).sum::<usize>(), 3);
    drop(kept);
    assert_eq!(pool.leased(), 0);
}
