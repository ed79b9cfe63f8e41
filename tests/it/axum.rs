//! Chains in and out of axum: extractors, their limits and rejections, responses.

use std::{error::Error, io, time::Duration};

use ::axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Extension, FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Body as _, Bytes, Frame};
use leasehold::{
    Account, BlockMut, Chain, Pool,
    http::{
        LeasedBody,
        axum::{ChainRejection, MissingAccount},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::bodies;
use bodies::pattern;

/// axum's own, where none is set.
const DEFAULT_LIMIT: usize = 2 << 20;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

/// Blocks until the account has none left.
fn lease_all(pool: &Account) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(1).ok()).collect()
}

/// A body of one frame that says nothing of its length.
fn unsized_body(bytes: Vec<u8>) -> Body {
    Body::from_stream(futures_util::stream::iter([Ok::<_, io::Error>(bytes)]))
}

/// A request that brings the pool.
fn bringing(pool: &Account, body: impl Into<Body>) -> Request {
    let mut request = Request::new(body.into());
    request.extensions_mut().insert(pool.clone());
    request
}

async fn extract(body: Body, pool: &Account) -> Result<Chain, ChainRejection> {
    Chain::from_request(bringing(pool, body), &()).await
}

/// Status, headers and text of a response.
async fn read(response: Response) -> (StatusCode, HeaderMap, String) {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    (head.status, head.headers, String::from_utf8(bytes.to_vec()).expect("text"))
}

// ---- the extractors -----------------------------------------------------------------------------

#[tokio::test]
async fn a_body_is_extracted_into_leased_blocks() {
    let pool = pool();
    for len in [0, 5, 65_537, DEFAULT_LIMIT] {
        for body in [Body::from(pattern(len)), unsized_body(pattern(len))] {
            let chain = extract(body, &pool).await.expect("within the limit");
            assert!(chain == pattern(len)[..]);
            assert!(pool.leased() >= len);
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_account_of_the_request_comes_before_the_pool() {
    let pool = pool();
    let account = pool.account("site", 1 << 20);
    let request = || {
        let mut request = bringing(&pool, "hello");
        request.extensions_mut().insert(account.clone());
        request
    };
    let chain = Chain::from_request(request(), &()).await.expect("a body");
    assert_eq!((chain.len(), account.leased()), (5, 1 << 10));
    let mut body = LeasedBody::from_request(request(), &()).await.expect("an account");
    let streamed = body.next_chain().await.expect("a chain").expect("room");
    assert_eq!((streamed.len(), account.leased()), (5, 2 << 10));
    drop((chain, streamed));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_request_without_an_account_says_how_to_give_it_one() {
    let request = || Request::new(Body::from("hello"));
    let rejection = Chain::from_request(request(), &()).await.expect_err("no account");
    assert_eq!(rejection.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(rejection.source().is_some_and(|source| source.is::<MissingAccount>()));
    let streamed = LeasedBody::from_request(request(), &()).await.expect_err("no account");
    let (whole, streamed) =
        (read(rejection.into_response()).await, read(streamed.into_response()).await);
    assert_eq!(whole, streamed);
    assert_eq!(whole.0, StatusCode::INTERNAL_SERVER_ERROR);
    for way in ["`.pool(..)`", "`BudgetLayer`", "`Extension(account)`"] {
        assert!(whole.2.contains(way), "{}", whole.2);
    }
}

#[tokio::test]
async fn a_streamed_body_has_no_limit() {
    let pool = pool();
    let len = DEFAULT_LIMIT + 1;
    let mut body =
        LeasedBody::from_request(bringing(&pool, pattern(len)), &()).await.expect("an account");
    let mut received = Vec::new();
    while let Some(chain) = body.next_chain().await {
        received.extend(chain.expect("room").to_vec());
    }
    assert!(received == pattern(len));
    assert_eq!(pool.leased(), 0);
}

// ---- rejections ---------------------------------------------------------------------------------

#[tokio::test]
async fn a_body_over_axums_limit_is_rejected_as_axum_does() {
    let pool = pool();
    for limit in [None, Some(10)] {
        let len = limit.unwrap_or(DEFAULT_LIMIT) + 1;
        for is_announced in [true, false] {
            let request = || {
                let bytes = pattern(len);
                let body = if is_announced { Body::from(bytes) } else { unsized_body(bytes) };
                let mut request = bringing(&pool, body);
                if let Some(limit) = limit {
                    DefaultBodyLimit::max(limit).apply(&mut request);
                }
                request
            };
            let ours = Chain::from_request(request(), &()).await.expect_err("over the limit");
            let axums = Bytes::from_request(request(), &()).await.expect_err("over the limit");
            assert_eq!((ours.status(), ours.body_text()), (axums.status(), axums.body_text()));
            assert_eq!(ours.status(), StatusCode::PAYLOAD_TOO_LARGE);
            let (ours, axums) =
                (read(ours.into_response()).await, read(axums.into_response()).await);
            assert_eq!(ours, axums);
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn the_limit_can_be_lifted_or_set_by_a_layer() {
    let pool = pool();
    let mut request = bringing(&pool, pattern(DEFAULT_LIMIT + 1));
    DefaultBodyLimit::disable().apply(&mut request);
    let chain = Chain::from_request(request, &()).await.expect("no limit");
    assert_eq!(chain.len(), DEFAULT_LIMIT + 1);
    // What the layers of tower-http do.
    let limited = Body::new(Limited::new(unsized_body(pattern(11)), 10));
    let rejection = extract(limited, &pool).await.expect_err("over the limit");
    assert_eq!(rejection.status(), StatusCode::PAYLOAD_TOO_LARGE);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_broken_body_is_rejected_as_axum_does() {
    let pool = pool();
    let broken = || {
        let frames = [
            Ok(Frame::data(Bytes::from(pattern(10_000)))),
            Err(io::Error::other("the client went away")),
        ];
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    };
    let ours = extract(broken(), &pool).await.expect_err("it breaks off");
    let axums = Bytes::from_request(Request::new(broken()), &()).await.expect_err("it breaks off");
    assert_eq!(ours.status(), StatusCode::BAD_REQUEST);
    assert_eq!(read(ours.into_response()).await, read(axums.into_response()).await);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_memory_the_client_is_told_to_come_again_and_nothing_of_the_pool() {
    let pool = pool();
    let account = pool.account("secret name", 64 << 10);
    let held = lease_all(&account);
    let rejection = extract(Body::from("hello"), &account).await.expect_err("no memory");
    assert!(
        rejection
            .source()
            .and_then(Error::source)
            .expect("the cause")
            .to_string()
            .contains("secret name")
    );
    let (status, headers, text) = read(rejection.into_response()).await;
    assert_eq!(
        (status, headers[header::RETRY_AFTER].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"1"[..])
    );
    assert_eq!(text, "Failed to buffer the request body: the server is short of memory");
    drop(held);

    // To come again does not help one that can never fit.
    for body in [Body::from(pattern(70_000)), unsized_body(pattern(70_000))] {
        let rejection = extract(body, &account).await.expect_err("it cannot fit");
        let (status, headers, text) = read(rejection.into_response()).await;
        assert_eq!(
            (status, headers.get(header::RETRY_AFTER)),
            (StatusCode::PAYLOAD_TOO_LARGE, None)
        );
        assert_eq!(text, "Failed to buffer the request body: length limit exceeded");
    }
    assert_eq!(pool.leased(), 0);
}

// ---- responses ----------------------------------------------------------------------------------

#[tokio::test]
async fn a_chain_is_a_response_like_bytes() {
    let pool = pool();
    for len in [0, 5, 100_000] {
        let mut chain = pool.try_chain(len).expect("room");
        bytes::BufMut::put_slice(&mut chain, &pattern(len));
        let chain = chain.freeze();
        let (response, like) = (chain.into_response(), Bytes::from(pattern(len)).into_response());
        assert_eq!((response.status(), response.headers()), (like.status(), like.headers()));
        assert_eq!(response.body().size_hint().exact(), Some(len as u64));
        assert!(response.into_body().collect().await.expect("a body").to_bytes() == pattern(len));
    }
    assert_eq!(pool.leased(), 0);
}

// ---- a real server ------------------------------------------------------------------------------

async fn echo(body: Chain) -> Chain {
    body
}

async fn count(mut body: LeasedBody<Body>) -> String {
    let mut count = 0;
    while let Some(chain) = body.next_chain().await {
        count += chain.map_or(0, |chain| chain.len());
    }
    count.to_string()
}

async fn connect(pool: &Pool) -> TcpStream {
    let app = Router::new()
        .route("/echo", post(echo))
        .route("/count", post(count))
        .layer(Extension(pool.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { ::axum::serve(listener, app).await });
    TcpStream::connect(address).await.expect("a connection")
}

/// Sends a request that is the last one, and returns all that comes back.
async fn exchange(client: &mut TcpStream, path: &str, headers: &str, body: &[u8]) -> String {
    let head = format!("POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
    client.write_all(head.as_bytes()).await.expect("the server reads");
    client.write_all(body).await.expect("the server reads");
    let mut response = Vec::new();
    client.read_to_end(&mut response).await.expect("a response");
    String::from_utf8_lossy(&response).into_owned()
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
async fn a_router_echoes_and_counts() {
    let pool = pool();
    let response =
        exchange(&mut connect(&pool).await, "/echo", "content-length: 5\r\n", b"hello").await;
    assert!(response.starts_with(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 5\r\n"
    ));
    assert!(response.ends_with("\r\n\r\nhello"), "{response}");
    let chunked = "transfer-encoding: chunked\r\n";
    let body = b"3\r\nhel\r\n2\r\nlo\r\n0\r\nchecksum: 1\r\n\r\n";
    for (path, answer) in [("/echo", "hello"), ("/count", "5")] {
        let response = exchange(&mut connect(&pool).await, path, chunked, body).await;
        assert!(response.ends_with(&format!("\r\n\r\n{answer}")), "{response}");
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn a_client_that_expects_it_is_told_to_continue_unless_it_announces_too_much() {
    let pool = pool();
    let expects = "content-length: 5\r\nexpect: 100-continue\r\n";
    let response = exchange(&mut connect(&pool).await, "/echo", expects, b"hello").await;
    assert!(response.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{response}");
    let expects = format!("content-length: {}\r\nexpect: 100-continue\r\n", DEFAULT_LIMIT + 1);
    let response = exchange(&mut connect(&pool).await, "/echo", &expects, b"").await;
    assert!(response.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{response}");
    until_home(&pool).await;
}
