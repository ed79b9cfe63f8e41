//! Servers that refuse, or waste a client's time.

use std::time::Duration;

use hyper::{Request, StatusCode};
use leasehold::{
    Pool,
    ws::{self, Connect, ConnectError},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::Instant,
};

use crate::ws_handshake::{
    fake::{Then, consent, fake},
    site::{SERVERS, Site},
    transport::seed,
};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a pool")
}

fn request() -> Request<()> {
    Request::get("ws://here/path").body(()).expect("a request")
}

/// What a client makes of an answer.
async fn refusal(response: impl Into<Vec<u8>>, then: Then) -> ConnectError {
    let (pool, response) = (pool(), response.into());
    let (io, _server) = fake(|_| vec![response], then);
    let error = ws::connect_on(io, request(), &pool).await.expect_err("a refusal");
    assert_eq!(pool.leased(), 0);
    error
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_its_status_headers_and_body() {
    let since = Instant::now();
    for (response, then, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Stays, 200, "hello"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and what is not of it",
            Then::Stays,
            200,
            "hello",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n5\r\n here\r\n0\r\n\r\n",
            Then::Stays,
            404,
            "not here",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: ws://there/\r\nContent-Length: 0\r\n\r\n",
            Then::Stays,
            302,
            "",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", Then::Stays, 204, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Then::Stays, 304, ""),
        ("HTTP/1.1 500 \r\n\r\nuntil the end", Then::Ends, 500, "until the end"),
        (
            "HTTP/1.0 400 Bad Request\r\nServer: old\r\n\r\nuntil the end",
            Then::Ends,
            400,
            "until the end",
        ),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nhalf", Then::Ends, 403, "half"),
    ] {
        let error = refusal(response, then).await;
        let refused = error.response().expect("a response");
        assert_eq!(refused.status(), status, "{response:?}");
        assert_eq!(refused.body(), body, "{response:?}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        let location = refused.headers().get("location").map(|location| location.as_bytes());
        assert_eq!(location, (status == 302).then_some(&b"ws://there/"[..]));
    }
    // Once it is whole nobody waits for more.
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_16_kib_of_a_body_are_kept() {
    let since = Instant::now();
    let body = "x".repeat(100 * KIB);
    let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let unannounced = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}", body.len());
    for response in [announced, unannounced, chunked] {
        let error = refusal(response, Then::Stays).await;
        let len = error.response().expect("a response").body().len();
        assert!((16 * KIB - 10..=16 * KIB).contains(&len), "{len} bytes");
    }
    let error =
        refusal("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello", Then::Ends)
            .await;
    assert_eq!(error.response().expect("a response").body(), "hello");
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_longer_than_the_rest() {
    let since = Instant::now();
    let error = refusal("HTTP/1.1 503 Later\r\nContent-Length: 10\r\n\r\nhalf", Then::Stays).await;
    let refused = error.response().expect("a response");
    assert_eq!(
        (refused.status(), &refused.body()[..]),
        (StatusCode::SERVICE_UNAVAILABLE, &b"half"[..])
    );
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_waited_for_until_the_deadline() {
    for response in ["", "HTTP/1.1 101 Switching", "HTTP/1.1 100 Continue\r\n\r\n"] {
        for (timeout, seconds) in [(None, 10), (Some(Duration::from_secs(3)), 3)] {
            let (pool, since) = (pool(), Instant::now());
            let (io, _server) = fake(move |_| vec![response.into()], Then::Stays);
            let connect = Connect::new(request());
            let connect = timeout.into_iter().fold(connect, Connect::timeout);
            let error = connect.connect_on(io, &pool).await.expect_err("half a head");
            assert!(error.is_deadline_passed(), "{error}");
            assert_eq!(since.elapsed().as_secs(), seconds);
            assert_eq!(pool.leased(), 0);
        }
    }
}

/// Nor a request that nobody reads.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_is_not_waited_for_longer_either() {
    let (pool, since) = (pool(), Instant::now());
    let (io, _silent) = duplex(10);
    let error = ws::connect_on(io, request(), &pool).await.expect_err("nobody reads");
    assert!(error.is_deadline_passed(), "{error}");
    assert_eq!(since.elapsed().as_secs(), 10);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_endless_head_is_not_read_to_its_end() {
    const DUPLEX_LEN: usize = 1 << 10;
    for (max_head, most) in [(None, 16 * KIB), (Some(100), 100)] {
        for (begin, endless) in [
            ("HTTP/1.1 101 Switching Protocols\r\nX: ", "xxxxxxxxxx"),
            ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
            ("", "\r\n\r\n\r\n"),
        ] {
            let pool = pool();
            let (io, mut far) = duplex(DUPLEX_LEN);
            let server = tokio::spawn(async move {
                let mut written = 0;
                for piece in std::iter::once(begin).chain(std::iter::repeat(endless)) {
                    if far.write_all(piece.as_bytes()).await.is_err() {
                        break;
                    }
                    written += piece.len();
                }
                written
            });
            let connect = max_head.into_iter().fold(Connect::new(request()), Connect::max_head);
            let error = connect.connect_on(io, &pool).await.expect_err("no end");
            assert!(
                error.is_over_limit() && error.to_string().contains(&most.to_string()),
                "{error}"
            );
            let written = server.await.expect("no panic");
            assert!(written <= most + DUPLEX_LEN, "{written} bytes");
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn a_head_of_the_longest_length_is_read() {
    for (over, is_read) in [(0, true), (1, false)] {
        let pool = pool();
        let lines = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX: ";
        let padding = "x".repeat(1000 + over - lines.len() - b"\r\n\r\n".len());
        let response = format!("{lines}{padding}\r\n\r\nhello");
        let (io, _server) = fake(|_| vec![response.into_bytes()], Then::Stays);
        let error = Connect::new(request())
            .max_head(1000)
            .connect_on(io, &pool)
            .await
            .expect_err("a refusal");
        assert_eq!(
            (error.response().is_some(), error.is_over_limit()),
            (is_read, !is_read),
            "{error}"
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn more_headers_than_anybody_sends_are_an_error() {
    let response = format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert!(refusal(response, Then::Stays).await.is_protocol());
}

/// Consents and refusals, with bytes changed, lost and doubled.
#[tokio::test(start_paused = true)]
async fn no_answer_makes_a_client_panic_or_keep_anything() {
    let mut dice = SmallRng::seed_from_u64(seed());
    for _ in 0..2000 {
        let pool = pool();
        let (changes, seed, refuses) = (dice.random_range(1..5), dice.random(), dice.random());
        let answer = move |request: &str| {
            let mut dice = SmallRng::seed_from_u64(seed);
            let mut bytes = if refuses {
                b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3\r\nnot\r\n5;a=b\r\n here\r\n0\r\n\r\n".to_vec()
            } else {
                (consent(request).join("\r\n") + "\r\n\r\nand more").into_bytes()
            };
            for _ in 0..changes {
                let at = dice.random_range(0..bytes.len());
                match dice.random_range(0..4) {
                    0 => bytes[at] = dice.random(),
                    1 => bytes[at] = *b"\r\n :;,0f".choose(&mut dice).expect("a byte"),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, bytes[at]),
                }
            }
            vec![bytes]
        };
        let (io, _server) = fake(answer, Then::Ends);
        if let Ok((socket, response)) = ws::connect_on(io, request(), &pool).await {
            assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
            drop(socket);
        }
        assert_eq!(pool.leased(), 0);
    }
}

/// Ours are seen as they are.
#[tokio::test]
async fn a_client_of_ours_is_told_what_a_server_of_ours_says() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut socket = tokio::net::TcpStream::connect(site.address).await.expect("a connection");
        let lines = ["GET /echo HTTP/1.1", "Host: here", "Connection: close", "", ""];
        socket.write_all(lines.join("\r\n").as_bytes()).await.expect("the server reads");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("a response");
        let error = refusal(response, Then::Ends).await;
        let refused = error.response().expect("a response");
        assert_eq!(refused.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(
            refused.body(),
            "this is a WebSocket: the request's Upgrade must be \"websocket\""
        );
        site.end().await;
    }
}
