//! axum's extractor: the account of a socket, and who is told when there is none.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Body, response::Response, routing::any};
use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use leasehold::{
    AccountStats, Pool,
    http::serve::serve,
    ws::{Config, Message, Role, WebSocket, axum::WebSocketUpgrade},
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::ws_handshake::client::{Client, LINES, field, frame, head, status, until};

const BINARY: u8 = 2;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a pool")
}

/// A client of a server of ours, which gives its connections accounts too, with what it has been
/// answered.
async fn connect<F>(pool: &Pool, answer: F, request: impl AsRef<[u8]>) -> (Client, String)
where
    F: Fn(WebSocketUpgrade) -> Response + Clone + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let handler = async move |upgrade: WebSocketUpgrade| answer(upgrade);
    let app = Router::new().route("/echo", any(handler)).with_state(pool.clone());
    tokio::spawn(serve(listener, app).pool(pool, 1 << 20).into_future());
    let mut client = Client(TcpStream::connect(address).await.expect("a connection"));
    client.send(request).await;
    let response = client.response().await;
    assert_eq!(status(&response), 101, "{response}");
    (client, response)
}

/// Reads one message, for as long as the client wants.
async fn read_one(mut socket: WebSocket<leasehold::io::AnyStream>) {
    let message = socket.recv().await;
    if let Some(Ok(_)) = message {
        socket.recv().await;
    }
}

/// The accounts that hold something.
fn accounts(pool: &Pool) -> Vec<AccountStats> {
    pool.stats().accounts.into_iter().filter(|account| account.leased > 0).collect()
}

#[tokio::test]
async fn each_socket_has_an_account_of_its_own_and_none_of_its_connection() {
    for (name, limit) in [("websocket", 4 << 20), ("chat", 300_000)] {
        let pool = pool();
        let answer = move |upgrade: WebSocketUpgrade| match name {
            "websocket" => upgrade.on_upgrade(read_one),
            _ => upgrade
                .account_name(name)
                .config(Arc::new(Config::new().max_leased(limit)))
                .on_upgrade(read_one),
        };
        let (mut client, _) = connect(&pool, answer, head(&LINES)).await;
        let frame = frame(BINARY, &[b'x'; 200_000]);
        client.send(&frame[..100_000]).await;
        until(|| pool.leased() >= 100_000 && accounts(&pool).len() == 1).await;
        let account = &accounts(&pool)[0];
        assert_eq!((&*account.name, account.limit, account.leased), (name, limit, pool.leased()));
        client.send(&frame[100_000..]).await;
        until(|| pool.leased() >= 200_000).await;
        drop(client);
        until(|| pool.leased() == 0).await;
    }
}

#[tokio::test]
async fn a_message_of_more_than_the_account_may_hold_is_too_large() {
    let pool = pool();
    let config = Arc::new(Config::new().max_leased(64 << 10));
    let answer =
        move |upgrade: WebSocketUpgrade| upgrade.config(Arc::clone(&config)).on_upgrade(read_one);
    let (client, _) = connect(&pool, answer, head(&LINES)).await;
    let mut socket = WebSocket::new(client.0, Role::Client, &pool);
    // What is sent behind the end of the server's patience may fail.
    let _ = socket.send(Message::binary(bytes::Bytes::from(vec![b'x'; 100_000]))).await;
    let Some(Ok(Message::Close(Some(frame)))) = socket.recv().await else {
        panic!("the server says why")
    };
    assert_eq!(frame.code.get(), 1009);
    drop(socket);
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn who_asks_is_told_of_an_upgrade_that_fails() {
    let pool = pool();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let answer = {
        let errors = Arc::clone(&errors);
        let config = Arc::new(Config::new().max_leased(1 << 10));
        move |upgrade: WebSocketUpgrade| {
            let errors = Arc::clone(&errors);
            let upgrade = upgrade.config(Arc::clone(&config));
            upgrade
                .on_failed_upgrade(move |error| errors.lock().expect("no panic").push(error))
                .on_upgrade(|_| async { unreachable!("what came early is more than there may be") })
        }
    };
    let early = [head(&LINES).into_bytes(), frame(BINARY, &[b'x'; 3000])].concat();
    let (mut client, _) = connect(&pool, answer, &early).await;
    client.end().await;
    assert!(matches!(&errors.lock().expect("no panic")[..], [error] if error.is_lease()));
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn nobody_need_ask() {
    let pool = pool();
    let config = Arc::new(Config::new().max_leased(1 << 10));
    let answer = move |upgrade: WebSocketUpgrade| {
        upgrade.config(Arc::clone(&config)).on_upgrade(|_| async { unreachable!("as above") })
    };
    let early = [head(&LINES).into_bytes(), frame(BINARY, &[b'x'; 3000])].concat();
    let (mut client, _) = connect(&pool, answer, &early).await;
    client.end().await;
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn a_handler_knows_the_subprotocols_before_it_answers() {
    let pool = pool();
    let answer = |upgrade: WebSocketUpgrade| {
        assert!(upgrade.requested_protocols().eq(["mqtt", "chat", "b"]));
        assert_eq!(upgrade.protocol(), None);
        let upgrade = upgrade.protocols(vec!["b".to_owned(), "chat".to_owned()]);
        assert_eq!(upgrade.protocol(), Some("chat"));
        upgrade.on_upgrade(read_one)
    };
    let lines =
        [&LINES[..], &["Sec-WebSocket-Protocol: mqtt, chat", "Sec-WebSocket-Protocol: b"]].concat();
    let (client, response) = connect(&pool, answer, head(&lines)).await;
    assert_eq!(field(&response, "sec-websocket-protocol"), Some("chat"));
    drop(client);
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn a_rejection_has_status_and_text() {
    let pool = pool();
    let app = Router::new()
        .route("/", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(read_one)));
    let app = app.with_state(pool.clone());
    // Without a server, there is nothing to upgrade.
    let lines: Vec<_> = LINES[1..].iter().filter_map(|line| line.split_once(": ")).collect();
    for (lines, status, text) in [
        (
            &lines[..],
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server does not let this connection be upgraded",
        ),
        (
            &lines[..1],
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket: the request's Upgrade must be \"websocket\"",
        ),
    ] {
        let request = lines
            .iter()
            .fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).expect("a request");
        let response = app.clone().oneshot(request).await.expect("a response");
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), text);
    }
    assert_eq!(pool.leased(), 0);
}
