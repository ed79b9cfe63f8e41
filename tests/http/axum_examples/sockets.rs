//! WebSockets: axum's extractor and this crate's side by side, with the client's address and the
//! name of its program.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{
        ConnectInfo, FromRequestParts,
        ws::{Message as AxumMessage, WebSocketUpgrade as AxumUpgrade},
    },
    http::{StatusCode, header::USER_AGENT, request::Parts},
    response::Response,
    routing::{any, get},
};
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{Message, axum::WebSocketUpgrade},
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{self, client::IntoClientRequest},
};

use super::site::{Site, everywhere};
use crate::support::http_client::{Client, until};

/// What the client says that it is.
struct UserAgent(String);

impl<S: Send + Sync> FromRequestParts<S> for UserAgent {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        agent.map(|agent| Self(agent.to_owned())).ok_or((StatusCode::BAD_REQUEST, "who are you?"))
    }
}

async fn axums(
    upgrade: AxumUpgrade,
    UserAgent(agent): UserAgent,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(async move |mut socket| {
        let hello = format!("hello {agent} at {client}");
        let mut sent = socket.send(AxumMessage::text(hello)).await;
        while let (Ok(()), Some(Ok(message))) = (&sent, socket.recv().await) {
            if matches!(message, AxumMessage::Text(_) | AxumMessage::Binary(_)) {
                sent = socket.send(message).await;
            }
        }
    })
}

async fn ours(
    upgrade: WebSocketUpgrade,
    UserAgent(agent): UserAgent,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(async move |mut socket| {
        let hello = format!("hello {agent} at {client}");
        let mut sent = socket.send(Message::text(hello)).await;
        while let (Ok(()), Some(Ok(message))) = (&sent, socket.recv().await) {
            if message.is_data() {
                sent = socket.send(message).await;
            }
        }
    })
}

/// Talks on a connection that has asked for a page before. Returns what it heard.
async fn talk(site: &Site, path: &str) -> Vec<tungstenite::Message> {
    let stream = site.connect().await;
    let own = stream.local_addr().expect("an address");
    let mut client = Client(stream);
    assert!(client.get("/").await.ends_with("a page"));
    site.rest().await;
    let mut request = format!("ws://here{path}").into_client_request().expect("a request");
    request.headers_mut().insert(USER_AGENT, "talker/1".parse().expect("a value"));
    let wanted = "mqtt, chat".parse().expect("a value");
    request.headers_mut().insert("sec-websocket-protocol", wanted);
    let (mut socket, response) = client_async(request, client.0).await.expect("a socket");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let hello = socket.next().await.expect("a greeting").expect("a greeting");
    assert_eq!(hello, tungstenite::Message::text(format!("hello talker/1 at {own}")));
    let mut heard = Vec::new();
    for message in [
        tungstenite::Message::text("text"),
        tungstenite::Message::Ping("ping".into()),
        tungstenite::Message::binary(vec![7; 70_000]),
        tungstenite::Message::Close(None),
    ] {
        socket.send(message).await.expect("the server reads");
        heard.extend(socket.next().await.into_iter().flatten());
    }
    heard
}

#[tokio::test]
async fn sockets_know_their_client_and_talk() {
    let pool = Pool::new(4 << 20).expect("a pool");
    let app = || {
        Router::new()
            .route("/", get(async || "a page"))
            .route("/axums", any(axums))
            .route("/ours", any(ours))
            .with_state(pool.clone())
            .into_make_service_with_connect_info::<SocketAddr>()
    };
    let (axums, ours) =
        everywhere(app, async |site| (talk(site, "/axums").await, talk(site, "/ours").await)).await;
    assert_eq!(axums, ours, "axum's socket and ours differ");
    assert_eq!(
        axums,
        [
            tungstenite::Message::text("text"),
            tungstenite::Message::Pong("ping".into()),
            tungstenite::Message::binary(vec![7; 70_000]),
            tungstenite::Message::Close(None),
        ]
    );
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn a_client_without_a_name_gets_no_socket() {
    let pool = Pool::new(4 << 20).expect("a pool");
    let app = || {
        Router::new()
            .route("/axums", any(axums))
            .route("/ours", any(ours))
            .with_state(pool.clone())
            .into_make_service_with_connect_info::<SocketAddr>()
    };
    let head = "Host: here\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let seen = everywhere(app, async |site| {
        let mut client = Client(site.connect().await);
        let mut seen = Vec::new();
        for path in ["/axums", "/ours"] {
            client.send(format!("GET {path} HTTP/1.1\r\n{head}")).await;
            let answer = client.answer().await;
            seen.push((answer[..12].to_owned(), answer.ends_with("who are you?")));
            site.rest().await;
        }
        seen
    })
    .await;
    assert_eq!(seen, [(); 2].map(|()| ("HTTP/1.1 400".to_owned(), true)));
    assert_eq!(pool.leased(), 0);
}
