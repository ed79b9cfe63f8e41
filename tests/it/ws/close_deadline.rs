//! A peer that reads nothing does not hold a close up, whichever half of the socket is polled.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use leasehold::ws::{Error, Message, WebSocket};
use tokio::time::{Instant, sleep, timeout};

use crate::ws::{ROLES, frame::Frame, peer::duplex, pool};

/// The default of the settings.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing is queued, something, and more than a sink takes before it waits.
const QUEUED: [usize; 3] = [0, 100, 1 << 20];

fn message(len: usize) -> Message {
    Message::binary(Bytes::from(vec![0; len]))
}

fn assert_late(closed: Result<(), Error>, begun: Instant) {
    assert!(closed.unwrap_err().is_silent());
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= CLOSE_TIMEOUT && elapsed < CLOSE_TIMEOUT + Duration::from_millis(10),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_alone_has_its_time_to_close() {
    let pool = pool();
    for role in ROLES {
        for len in QUEUED {
            let (near, _peer) = duplex(role, 4);
            let mut socket = WebSocket::new(near, role, &pool);
            socket.feed(message(len)).await.unwrap();
            let begun = Instant::now();
            let closed = timeout(2 * CLOSE_TIMEOUT, SinkExt::close(&mut socket)).await;
            assert_late(closed.expect("it ends in time"), begun);
            assert!(socket.recv().await.is_none(), "it is at its end");
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_that_is_sent_as_a_message_has_its_time() {
    let pool = pool();
    for role in ROLES {
        let (near, _peer) = duplex(role, 2);
        let mut socket = WebSocket::new(near, role, &pool);
        let begun = Instant::now();
        let sent = timeout(2 * CLOSE_TIMEOUT, socket.send(Message::Close(None))).await;
        assert_late(sent.expect("it ends in time"), begun);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn halves_that_wait_for_the_deadline_both_hear_of_it() {
    let pool = pool();
    for role in ROLES {
        for first in [0, 1] {
            let (near, mut peer) = duplex(role, 4);
            let (mut sink, mut stream) = WebSocket::new(near, role, &pool).split();
            sink.feed(message(100)).await.unwrap();
            let begun = Instant::now();
            let closing = tokio::spawn(async move { sink.close().await });
            sleep(Duration::from_millis(first)).await;
            let receiving = tokio::spawn(async move { while stream.next().await.is_some() {} });
            sleep(Duration::from_millis(1 - first)).await;
            // Whoever receives is polled again, and waits behind whoever closes or before it.
            peer.send(Frame::text("still here")).await;
            timeout(2 * CLOSE_TIMEOUT, closing).await.expect("the sink ends in time").unwrap().ok();
            timeout(CLOSE_TIMEOUT, receiving).await.expect("the stream ends in time").unwrap();
            assert!(begun.elapsed() < CLOSE_TIMEOUT + Duration::from_millis(10));
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_closed_once_a_slow_peer_has_read_all() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 4);
        let mut socket = WebSocket::new(near, role, &pool);
        socket.feed(message(100)).await.unwrap();
        let reading = async {
            sleep(CLOSE_TIMEOUT / 2).await;
            assert_eq!(peer.recv().await, Some(Frame::binary(vec![0; 100])));
            assert_eq!(peer.recv().await, Some(Frame::close(1000, "")));
        };
        let (closed, ()) = tokio::join!(SinkExt::close(&mut socket), reading);
        closed.unwrap();
        assert_eq!(pool.leased(), 0);
    }
}
