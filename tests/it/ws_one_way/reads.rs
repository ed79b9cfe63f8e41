//! Reads that end or fail while something is queued: it is sent, or the sink tells that it is not.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{Config, Message, Role, WebSocket},
};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::ws_one_way::{
    ROLES,
    frame::{Frame, wire},
    pool,
    transport::{Faulty, pattern, sockets::tcp_pair},
};

const SOON: Duration = Duration::from_secs(10);

/// More than sockets take at once.
const LARGE: usize = 6 << 20;

fn large(pool: &Pool) -> Message {
    let mut chain = pool.try_chain(LARGE / 2).unwrap().freeze();
    let mut more = pool.try_chain(LARGE / 2).unwrap();
    more.put_bytes(b'x', LARGE / 2);
    chain.clear();
    chain.append(more.freeze());
    chain.push(Bytes::from(vec![b'y'; LARGE / 2]));
    Message::binary(chain)
}

#[tokio::test]
async fn what_was_taken_is_sent_although_the_peer_says_nothing_more() {
    let pool = Pool::new(64 << 20).unwrap();
    for role in ROLES {
        let (near, mut far) = tcp_pair().await;
        let mut socket = WebSocket::new(near, role, &pool);
        // As much as the transport takes, and more.
        let fed = timeout(Duration::from_millis(50), async {
            socket.feed(large(&pool)).await?;
            socket.feed(Message::from("last")).await
        });
        let is_fed = fed.await.is_ok();
        socket2::SockRef::from(&far).shutdown(std::net::Shutdown::Write).unwrap();
        let error = socket.recv().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the peer is gone without a close frame");
        assert!(socket.send("more").await.unwrap_err().is_closed());
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.map(|_| read)
        });
        timeout(SOON, socket.flush()).await.unwrap().expect("all of it is sent");
        assert!(socket.recv().await.is_none());
        drop(socket);
        let read = timeout(SOON, reading).await.unwrap().unwrap().unwrap();
        let frames = Frame::parse_all(&read);
        assert_eq!(frames.len(), 1 + usize::from(is_fed));
        assert_eq!(frames[0].payload.len(), LARGE);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_does_not_take_in_time_is_told_by_the_sink() {
    let pool = pool();
    let config = std::sync::Arc::new(Config::new().close_timeout(Duration::from_secs(3)));
    for role in ROLES {
        let (near, far) = tokio::io::duplex(64);
        let mut socket = WebSocket::with_config(near, role, &pool, config.clone());
        assert!(
            timeout(
                Duration::from_secs(1),
                socket.send(Message::binary(Bytes::from(pattern(1_000))))
            )
            .await
            .is_err()
        );
        let (_unread, mut far) = tokio::io::split(far);
        tokio::io::AsyncWriteExt::shutdown(&mut far).await.unwrap();
        assert!(socket.recv().await.unwrap().unwrap_err().is_io());
        assert!(timeout(SOON, socket.recv()).await.expect("in time").is_none());
        assert!(socket.flush().await.unwrap_err().is_closed(), "a part of it was not sent");
        assert!(socket.flush().await.is_ok(), "that is told once");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_message_that_waits_for_memory_is_not_said_to_be_sent_when_the_peer_closes() {
    let pool = Pool::builder().budget(1 << 20).classes([4 << 10]).build().unwrap();
    // A client copies what others hold to mask it: for that there is no room, but for what is read
    // there is.
    let account = pool.account("socket", 8 << 10);
    let held = account.try_lease(1).unwrap();
    let (near, mut far) = tcp_pair().await;
    let (mut sink, mut stream) = WebSocket::new(near, Role::Client, &account).split();
    let message = Message::binary(Bytes::from_static(&[7; 5_000]));
    let sending = tokio::spawn(async move { sink.send(message).await });
    tokio::task::yield_now().await;
    let closing = wire([Frame::close(1000, "")]);
    tokio::io::AsyncWriteExt::write_all(&mut far, &closing).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Message::Close(_)))));
    drop(far);
    while stream.next().await.is_some() {}
    assert!(timeout(SOON, sending).await.unwrap().unwrap().unwrap_err().is_closed());
    drop((held, stream));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_violation_is_told_behind_what_was_taken() {
    let pool = pool();
    for role in ROLES {
        let io = Faulty::new(Frame { first: 0xff, ..Frame::text("?") }.to(role).to_bytes());
        let mut socket = WebSocket::new(io, role, &pool);
        socket.feed(Message::from("queued")).await.unwrap();
        assert!(socket.recv().await.unwrap().unwrap_err().is_protocol());
        socket.flush().await.unwrap();
        let sent = Frame::parse_all(socket.get_ref().sent());
        assert_eq!(sent.iter().map(Frame::opcode).collect::<Vec<_>>(), [1, 8]);
        assert_eq!(pool.leased(), 0);
    }
}
