//! A client and servers that answer as they should, or otherwise consent.

use std::{
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use hyper::{Request, StatusCode};
use leasehold::{
    Pool,
    ws::{self, Connect, ConnectError, Message},
};
use tokio::net::{TcpListener, TcpStream};

use crate::ws_handshake::{
    client::{PATIENCE, field},
    fake::{Then, consent, fake},
    site::{SERVERS, Site},
};

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a pool")
}

fn request() -> Request<()> {
    Request::get("ws://here/path").body(()).expect("a request")
}

#[tokio::test]
async fn a_client_of_ours_and_each_server_come_together() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let uri = format!("ws://{}/echo", site.address);
        let (mut socket, response) = ws::connect(&*uri, &site.pool).await.expect("a socket");
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert!(!response.headers().contains_key("sec-websocket-protocol"));
        assert!(socket.get_ref().as_tcp().expect("a bare socket").nodelay().expect("an option"));
        socket.send("hello").await.expect("the server reads");
        assert_eq!(
            socket.recv().await.expect("an echo").expect("an echo"),
            Message::from("hello"),
            "{server:?}"
        );
        socket.close(None).await.expect("a close");
        site.end().await;
    }
}

#[tokio::test]
async fn a_subprotocol_is_agreed_on() {
    for server in SERVERS {
        let site = Site::start(server).await;
        for (asked, agreed) in [("mqtt, superchat, chat", Some("superchat")), ("mqtt", None)] {
            let request = Request::get(format!("ws://{}/echo", site.address))
                .header("Sec-WebSocket-Protocol", asked);
            let connect = Connect::new(request.body(()).expect("a request"));
            let (_socket, response) = connect.connect(&site.pool).await.expect("a socket");
            let told = response.headers().get("sec-websocket-protocol");
            assert_eq!(told.map(|told| told.as_bytes()), agreed.map(str::as_bytes), "{server:?}");
        }
        site.end().await;
    }
}

#[tokio::test]
async fn the_request_says_what_it_should_and_what_the_user_wants() {
    let pool = pool();
    let request = Request::get("ws://me:secret@here:81?query#fragment")
        .header("Authorization", "Basic bWU6c2VjcmV0")
        .header("Sec-WebSocket-Protocol", "chat")
        .header("Sec-WebSocket-Protocol", "mqtt")
        .header("Cookie", b"caf\xe9".as_slice())
        // These are not for the user to say.
        .header("Connection", "close")
        .header("Upgrade", "h2c")
        .header("Sec-WebSocket-Key", "mine")
        .header("Sec-WebSocket-Version", "8")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .header("Content-Length", "5")
        .header("Transfer-Encoding", "chunked");
    let (io, server) = fake(
        |request| vec![(consent(request).join("\r\n") + "\r\n\r\n").into_bytes()],
        Then::Stays,
    );
    let (socket, _) =
        ws::connect_on(io, request.body(()).expect("a request"), &pool).await.expect("a socket");
    drop(socket);
    let request = server.await.expect("no panic");
    let key = field(&request, "sec-websocket-key").expect("a key");
    let lines = [
        "GET /?query HTTP/1.1",
        "Host: here:81",
        "Upgrade: websocket",
        "Connection: Upgrade",
        &format!("Sec-WebSocket-Key: {key}"),
        "Sec-WebSocket-Version: 13",
        "authorization: Basic bWU6c2VjcmV0",
        "sec-websocket-protocol: chat",
        "sec-websocket-protocol: mqtt",
        "cookie: caf\u{e9}",
    ];
    assert_eq!(request, lines.join("\r\n") + "\r\n\r\n");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn the_host_may_be_the_users() {
    let pool = pool();
    for (uri, host) in [("/path", "there"), ("ws://here/path", "there:1")] {
        let (io, server) = fake(
            |request| vec![(consent(request).join("\r\n") + "\r\n\r\n").into_bytes()],
            Then::Stays,
        );
        let request = Request::get(uri).header("Host", host).body(()).expect("a request");
        drop(ws::connect_on(io, request, &pool).await.expect("a socket"));
        assert!(
            server
                .await
                .expect("no panic")
                .starts_with(&format!("GET /path HTTP/1.1\r\nHost: {host}\r\n"))
        );
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_no_request_for_a_websocket_is_not_sent() {
    let pool = pool();
    let no_host = Request::get("/path").body(()).expect("a request");
    let post = Request::post("ws://here/").body(()).expect("a request");
    let no_path = Request::get("*").header("Host", "here").body(()).expect("a request");
    for request in [no_host, post, no_path] {
        let (io, _server) = tokio::io::duplex(1); // nobody reads
        let error = ws::connect_on(io, request, &pool).await.expect_err("no request");
        assert!(error.is_request() && error.response().is_none(), "{error}");
    }
    for uri in ["http://here/", "here:80", "/path", "not a URI"] {
        let error = ws::connect(uri, &pool).await.expect_err("no target");
        assert!(error.is_request() && !error.needs_tls(), "{error}");
    }
    let error = ws::connect("wss://localhost/", &pool).await.expect_err("no TLS");
    assert!(error.needs_tls() && error.to_string().contains("connect_on"), "{error}");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_of_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("ws://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let pool = pool();
    assert!(ws::connect(uri, &pool).await.expect_err("nobody is there").is_io());
    assert!(ws::connect("ws://host.invalid/", &pool).await.expect_err("nobody is there").is_io());
    assert_eq!(pool.leased(), 0);
}

/// With its error, where it is not a consent.
#[tokio::test]
async fn a_consent_is_checked_to_the_letter() {
    let pool = pool();
    let wrong = "is not that of a WebSocket";
    for (at, lines, error) in [
        (1, &["upgrade:  WebSocket "][..], None),
        (2, &["Connection: keep-alive, UPGRADE"], None),
        (2, &["Connection: keep-alive", "Connection: upgrade"], None),
        (2, &["Connection: upgrade", "Sec-WebSocket-Protocol: b"], None),
        (2, &["Connection: upgrade", "Sec-WebSocket-Extensions:"], None),
        (2, &["Connection: upgrade", "Server: caf\u{e9}", "X:"], None),
        (0, &["HTTP/1.0 101 Switching Protocols"], Some(wrong)),
        (0, &["HTTP/2 101 Switching Protocols"], Some("is not HTTP")),
        (0, &["SSH-2.0-OpenSSH_9.2p1"], Some("is not HTTP")),
        (1, &[], Some("its Upgrade")),
        (1, &["Upgrade: h2c"], Some("its Upgrade")),
        (1, &["Upgrade: websocket, h2c"], Some("its Upgrade")),
        (1, &["Upgrade: websocket", "Upgrade: websocket"], Some("its Upgrade")),
        (2, &[], Some("its Connection")),
        (2, &["Connection: keep-alive"], Some("its Connection")),
        (3, &[], Some("Sec-WebSocket-Accept")),
        (3, &["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], Some("Sec-WebSocket-Accept")),
        (3, &["ACCEPT", "ACCEPT"], Some("Sec-WebSocket-Accept")),
        (2, &["Connection: upgrade", "Sec-WebSocket-Protocol: c"], Some("a subprotocol")),
        (2, &["Connection: upgrade", "Sec-WebSocket-Protocol: B"], Some("a subprotocol")),
        (2, &["Connection: upgrade", "Sec-WebSocket-Protocol: a, b"], Some("a subprotocol")),
        (
            2,
            &["Connection: upgrade", "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"],
            Some("a subprotocol"),
        ),
        (2, &["Connection: upgrade", "Sec-WebSocket-Protocol:"], Some("a subprotocol")),
        (
            2,
            &["Connection: upgrade", "Sec-WebSocket-Extensions: permessage-deflate"],
            Some("an extension"),
        ),
    ] {
        let answer = move |request: &str| {
            let consent = consent(request);
            let mut response = Vec::new();
            for line in consent[..at]
                .iter()
                .map(String::as_str)
                .chain(lines.iter().copied())
                .chain(consent[at + 1..].iter().map(String::as_str))
            {
                let line = if line == "ACCEPT" { &consent[3] } else { line };
                // One byte a letter.
                response.extend(line.chars().map(|letter| letter as u8));
                response.extend_from_slice(b"\r\n");
            }
            vec![response, b"\r\n".to_vec()]
        };
        let (io, _server) = fake(answer, Then::Stays);
        let request = Request::get("ws://here/")
            .header("Sec-WebSocket-Protocol", "a, b")
            .body(())
            .expect("a request");
        match (ws::connect_on(io, request, &pool).await, error) {
            (Ok((socket, _)), None) => assert!(socket.is_open()),
            (Err(found), Some(error)) => {
                let text = [
                    found.to_string(),
                    std::error::Error::source(&found).map(ToString::to_string).unwrap_or_default(),
                ];
                assert!(found.is_protocol() && text.concat().contains(error), "{lines:?}: {found}");
            }
            (got, _) => panic!("{lines:?}: {got:?}"),
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_subprotocol_that_nobody_asked_for_is_refused() {
    let pool = pool();
    let answer = |request: &str| {
        vec![
            (consent(request).join("\r\n") + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
                .into_bytes(),
        ]
    };
    let error =
        ws::connect_on(fake(answer, Then::Stays).0, request(), &pool).await.expect_err("a lie");
    assert!(error.is_protocol(), "{error}");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn responses_that_come_before_the_one_that_counts_are_passed_over() {
    let pool = pool();
    let answer = |request: &str| {
        let hints =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
        vec![(hints.to_owned() + &consent(request).join("\r\n") + "\r\n\r\n").into_bytes()]
    };
    let (_socket, response) =
        ws::connect_on(fake(answer, Then::Stays).0, request(), &pool).await.expect("a socket");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert!(!response.headers().contains_key("link"));
    assert_eq!(pool.leased(), 0);
}

/// A response with a text behind it.
fn consent_and_hello(request: &str) -> Vec<u8> {
    [consent(request).join("\r\n").as_bytes(), b"\r\n\r\n", HELLO].concat()
}

/// A frame of a server.
const HELLO: &[u8] = b"\x81\x05hello";

#[tokio::test]
async fn a_consent_may_be_cut_anywhere_and_loses_no_frame() {
    let pool = pool();
    let len =
        consent_and_hello("GET / HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==").len();
    let mut pieces = vec![1, 2, 3, 7];
    pieces.resize(4 + len, len);
    for (case, piece) in pieces.into_iter().enumerate() {
        let answer = move |request: &str| {
            let response = consent_and_hello(request);
            match case.checked_sub(4) {
                Some(cut) => vec![response[..cut].to_vec(), response[cut..].to_vec()],
                None => response.chunks(piece).map(<[u8]>::to_vec).collect(),
            }
        };
        let (mut socket, _) =
            ws::connect_on(fake(answer, Then::Stays).0, request(), &pool).await.expect("a socket");
        assert_eq!(
            socket.recv().await.expect("a message").expect("a message"),
            Message::from("hello"),
            "case {case}"
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_consent_that_ends_anywhere_is_none() {
    let pool = pool();
    let len =
        consent_and_hello("GET / HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==").len();
    for cut in 0..len - HELLO.len() {
        let (io, _server) =
            fake(move |request| vec![consent_and_hello(request)[..cut].to_vec()], Then::Ends);
        let error = ws::connect_on(io, request(), &pool).await.expect_err("half a head");
        assert!(error.is_io(), "{cut} bytes: {error}");
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn frames_behind_the_response_are_charged_and_wait_for_memory() {
    let pool = Pool::builder()
        .budget(8 << 20)
        .max_wait(Duration::from_millis(100))
        .build()
        .expect("a pool");
    let answer = |request: &str| vec![consent_and_hello(request)];
    let account = pool.account("client", 64 << 10);
    let (mut socket, _) =
        ws::connect_on(fake(answer, Then::Stays).0, request(), &account).await.expect("a socket");
    assert_eq!(account.leased(), 1 << 10);
    assert_eq!(socket.recv().await.expect("a message").expect("a message"), Message::from("hello"));
    assert_eq!(account.leased(), 0);

    let held: Vec<_> = std::iter::from_fn(|| account.try_lease(1).ok()).collect();
    let error = ws::connect_on(fake(answer, Then::Stays).0, request(), &account)
        .await
        .expect_err("no memory");
    assert!(error.is_lease(), "{error}");
    let (connected, ()) =
        tokio::join!(ws::connect_on(fake(answer, Then::Stays).0, request(), &account), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(held);
        });
    drop(connected.expect("a socket"));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_handshake_may_be_given_up_at_any_time() {
    let pool = pool();
    let answer =
        |request: &str| consent_and_hello(request).chunks(40).map(<[u8]>::to_vec).collect();
    for polls in 0.. {
        let (io, _server) = fake(answer, Then::Stays);
        let mut left = polls;
        let mut connecting = pin!(ws::connect_on(io, request(), &pool));
        let polled = std::future::poll_fn(|cx| match left {
            0 => Poll::Ready(None),
            _ => {
                left -= 1;
                connecting.as_mut().poll(cx).map(Some)
            }
        });
        if let Some(connected) = polled.await {
            assert!(polls > 3, "{polls} polls");
            drop(connected.expect("a socket"));
            break;
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn handshakes_may_change_threads_and_are_small() {
    fn assert_send<T: Send>(_: T) {}
    let pool = pool();
    let connecting = ws::connect("ws://here", &pool);
    assert!(size_of_val(&connecting) <= 100);
    assert_send(connecting);
    let (io, _) = tokio::io::duplex(1);
    let connecting = ws::connect_on(io, request(), &pool);
    assert!(size_of_val(&connecting) <= 100);
    assert_send(connecting);
    assert_send::<Option<ConnectError>>(None);
    assert!(size_of::<ConnectError>() <= size_of::<usize>());
}

#[tokio::test]
async fn connecting_takes_no_longer_than_it_may() {
    // Accepts, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("ws://{}/", listener.local_addr().expect("an address"));
    let pool = pool();
    let since = Instant::now();
    let connect = Connect::new(Request::get(uri).body(()).expect("a request"))
        .timeout(Duration::from_millis(100));
    let error = connect.connect(&pool).await.expect_err("no answer");
    assert!(error.is_deadline_passed() && error.to_string().contains("100ms"), "{error}");
    assert!((Duration::from_millis(100)..PATIENCE).contains(&since.elapsed()));
    // An eternity is not too long for the clock.
    let socket =
        TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let forever = Connect::new(request()).timeout(Duration::MAX).connect_on(socket, &pool);
    assert!(tokio::time::timeout(Duration::from_millis(20), forever).await.is_err());
    assert_eq!(pool.leased(), 0);
}
