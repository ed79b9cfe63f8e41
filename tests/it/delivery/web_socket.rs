//! `ws::WebSocket`.

use std::time::Duration;

use futures_util::SinkExt;
use leasehold::{
    Pool,
    ws::{CloseCode, CloseFrame, Message, Role, WebSocket},
};
use tokio::{net::TcpStream, time::timeout};

use crate::delivery::{LARGE, hearing, large, pair, pool, read_exactly, reading, short, soon};

async fn socket() -> (Pool, WebSocket<TcpStream>, TcpStream) {
    let pool = pool();
    let (near, far) = pair().await;
    (pool.clone(), WebSocket::new(near, Role::Server, &pool), far)
}

#[tokio::test]
async fn send_has_written_its_message_and_all_before_it() {
    let (pool, mut socket, mut far) = socket().await;
    socket.feed(Message::from("first")).await.unwrap();
    socket.send("last").await.unwrap();
    assert_eq!(read_exactly(&mut far, 13).await, b"\x81\x05first\x81\x04last");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn flush_has_written_all_that_was_taken() {
    let (pool, mut socket, far) = socket().await;
    socket.feed(Message::binary(large())).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), socket.flush()).await.is_err(),
        "the peer does not read"
    );
    let read = reading(far);
    soon(socket.flush()).await.unwrap();
    drop(socket);
    assert_eq!(soon(read).await.unwrap().len(), 10 + LARGE);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn close_sends_all_that_was_taken_and_then_the_close_frame() {
    let (pool, mut socket, far) = socket().await;
    socket.feed(Message::binary(large())).await.unwrap();
    let heard = hearing(far);
    soon(socket.close(Some(CloseFrame::new(CloseCode::RESTART, "")))).await.unwrap();
    drop(socket);
    assert_eq!(short(&soon(heard).await.unwrap()), [(2, LARGE), (8, 1012)]);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_close_of_the_sink_sends_all_that_was_taken_and_then_the_close_frame() {
    let (pool, mut socket, far) = socket().await;
    socket.feed(Message::binary(large())).await.unwrap();
    let heard = hearing(far);
    soon(SinkExt::<Message>::close(&mut socket)).await.unwrap();
    while soon(socket.recv()).await.transpose().unwrap().is_some() {}
    assert_eq!(short(&soon(heard).await.unwrap()), [(2, LARGE), (8, 1000)]);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_drop_loses_what_is_not_written_and_sends_no_close_frame() {
    let (pool, mut socket, far) = socket().await;
    socket.feed(Message::binary(large())).await.unwrap();
    assert!(timeout(Duration::from_millis(50), socket.flush()).await.is_err());
    drop(socket);
    let read = soon(reading(far)).await.unwrap().len();
    assert!((1..10 + LARGE).contains(&read), "a part of a message, and the end: {read}");
    assert_eq!(pool.leased(), 0);
}
