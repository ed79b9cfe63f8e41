//! Streams of one HTTP/2 connection: each is a request of its own.

use std::{
    convert::Infallible,
    net::{Shutdown, SocketAddr},
};

use axum::{Router, extract::DefaultBodyLimit};
use bytes::Bytes;
use http::{Request, StatusCode, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{Pool, layer::BudgetLayer};
use tokio::{net::TcpStream, sync::mpsc};

use crate::layer::{
    FLOOR,
    bodies::pattern,
    site::{PIECE, Server, in_blocks, routes, until, until_home},
};

const LEN: usize = 100_000;
const STREAMS: usize = 5;

type Body = StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// A server of all routes, with room for so many uploads.
async fn start(uploads: usize) -> (Pool, SocketAddr) {
    let pool = Pool::new(64 << 20).expect("a pool");
    let tenant = pool.account("tenant", uploads * (FLOOR + LEN));
    let app: Router =
        routes(&pool).layer(BudgetLayer::new(&tenant)).layer(DefaultBodyLimit::disable());
    (pool, Server::Parking.start(app).await)
}

/// A client, and its socket for whoever cuts it.
async fn connect(address: SocketAddr) -> (SendRequest<Body>, std::net::TcpStream) {
    let socket =
        TcpStream::connect(address).await.expect("a connection").into_std().expect("a socket");
    let cut = socket.try_clone().expect("a descriptor");
    let socket = TokioIo::new(TcpStream::from_std(socket).expect("a socket"));
    let (client, connection) = handshake(TokioExecutor::new(), socket).await.expect("a handshake");
    tokio::spawn(connection);
    (client, cut)
}

/// A request with a body of `LEN` bytes, which is what is sent here.
fn upload(path: &str) -> (Request<Body>, mpsc::UnboundedSender<Vec<u8>>) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    let pieces = futures_util::stream::poll_fn(move |cx| {
        pieces
            .poll_recv(cx)
            .map(|piece: Option<Vec<u8>>| Some(Ok(Frame::data(Bytes::from(piece?)))))
    });
    let request = Request::post(path)
        .header(CONTENT_LENGTH, LEN)
        .body(StreamBody::new(Box::pin(pieces) as _));
    (request.expect("a request"), sender)
}

#[tokio::test]
async fn each_stream_has_an_account_of_its_own() {
    let (pool, address) = start(STREAMS).await;
    let (mut client, _) = connect(address).await;
    let mut streams = Vec::new();
    for count in 1..=STREAMS {
        let (request, sender) = upload("/echo");
        streams.push((tokio::spawn(client.send_request(request)), sender));
        until(|| pool.leased() == count * (FLOOR + LEN)).await;
    }
    let accounts = pool.stats().accounts;
    let requests = accounts
        .iter()
        .filter(|account| account.name == "request" && account.leased == FLOOR + LEN);
    assert_eq!(requests.count(), STREAMS);

    // One too many is refused, and the others go on.
    let (request, _sender) = upload("/echo");
    let refused = client.send_request(request).await.expect("an answer");
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().expect("a value"))
    );
    drop(refused);

    // The client gives one of them up.
    let (given_up, _sender) = streams.pop().expect("a stream");
    given_up.abort();
    until(|| pool.leased() == (STREAMS - 1) * (FLOOR + LEN)).await;

    for (response, sender) in streams {
        sender.send(pattern(LEN)).expect("a stream");
        drop(sender);
        let response = response.await.expect("no panic").expect("an answer");
        assert!(response.into_body().collect().await.expect("an echo").to_bytes() == pattern(LEN));
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn a_stream_whose_response_is_given_up_half_read_leaves_nothing_reserved() {
    let (pool, address) = start(STREAMS).await;
    let (mut client, _) = connect(address).await;
    let mut bodies = Vec::new();
    // hyper takes 5 MiB of a connection that nobody reads, and 2 MiB of a stream: more of them
    // would starve each other.
    for _ in 0..2 {
        let request = Request::post("/endless")
            .header(CONTENT_LENGTH, 0)
            .body(StreamBody::new(Box::pin(futures_util::stream::empty()) as _));
        let mut body =
            client.send_request(request.expect("a request")).await.expect("an answer").into_body();
        let mut count = 0;
        while count < PIECE.len() {
            let frame = body.frame().await.expect("more").expect("more");
            count += frame.data_ref().map_or(0, Bytes::len);
        }
        bodies.push(body);
    }
    assert_eq!(pool.leased(), 2 * FLOOR);
    for count in [1, 0] {
        drop(bodies.pop());
        until(|| pool.leased() == count * FLOOR).await;
    }
    until_home(&pool).await;
}

#[tokio::test]
async fn a_connection_that_is_gone_leaves_nothing_reserved_for_any_of_its_streams() {
    let (pool, address) = start(STREAMS).await;
    let (mut client, socket) = connect(address).await;
    let mut streams = Vec::new();
    for count in 1..4 {
        let (request, sender) = upload("/wait");
        streams.push((tokio::spawn(client.send_request(request)), sender));
        until(|| pool.leased() == count * (FLOOR + LEN)).await;
    }
    let sent = [0, LEN / 2, LEN];
    for ((_, sender), sent) in streams.iter().zip(sent) {
        sender.send(pattern(sent)).expect("a stream");
    }
    until(|| in_blocks(&pool) >= sent.iter().sum()).await;
    socket.shutdown(Shutdown::Both).expect("a connection");
    until_home(&pool).await;
}
