//! Clients mask what they send: in place where nobody else sees it, else in a copy, for which they
//! wait.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use leasehold::{
    BlockMut, Chain, Pool,
    ws::{Message, Role, WebSocket},
};
use tokio::time::Instant;

use crate::ws::{
    frame::Frame,
    peer::duplex,
    pool, socket,
    transport::{Faulty, once, pattern},
};

fn leased(pool: &Pool, bytes: &[u8]) -> Chain {
    let mut chain = pool.try_chain(bytes.len()).unwrap();
    chain.put_slice(bytes);
    chain.freeze()
}

fn sent(socket: &WebSocket<Faulty>) -> Vec<Frame> {
    let sent = Frame::parse_all(socket.get_ref().sent());
    assert!(sent.iter().all(|frame| frame.mask.is_some()));
    sent
}

/// A pool of sixteen blocks, and all of them.
fn exhausted() -> (Pool, Vec<BlockMut>) {
    let pool = Pool::builder().budget(64 << 10).classes([4 << 10]).build().unwrap();
    let held = (0..16).map(|_| pool.try_lease(1).unwrap()).collect();
    (pool, held)
}

#[tokio::test]
async fn each_frame_of_a_client_has_a_key_of_its_own() {
    let pool = pool();
    let mut socket = socket(Role::Client, Faulty::new([]), &pool);
    for _ in 0..50 {
        socket.send("the same").await.unwrap();
    }
    let mut keys: Vec<_> = sent(&socket).into_iter().map(|frame| frame.mask).collect();
    keys.sort_unstable();
    keys.dedup();
    assert!(
        keys.len() >= 49,
        "RFC 6455 §5.3: the key needs to be unpredictable; {} of 50",
        keys.len()
    );
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_shared_is_not_changed() {
    let pool = pool();
    for len in [1, 500, 5_000, 300_000] {
        let bytes = pattern(len);
        let foreign = Bytes::from(bytes.clone());
        let mut mixed = leased(&pool, &bytes);
        mixed.push(foreign.clone());
        // A part of a block whose other part somebody has.
        let mut part = leased(&pool, &[&bytes[..], b"rest"].concat());
        let rest = part.split_off(len);
        let mut socket = socket(Role::Client, Faulty::new([]), &pool);
        for payload in [leased(&pool, &bytes), foreign.clone().into(), mixed, part] {
            let whole = payload.to_vec();
            for _ in 0..2 {
                socket.send(Message::binary(payload.clone())).await.unwrap();
                assert!(payload == whole[..] && foreign == bytes && rest == *b"rest");
            }
            socket.send(Message::binary(payload)).await.unwrap();
            let sent = sent(&socket);
            assert!(
                sent[sent.len() - 3..].iter().all(|frame| frame.payload == whole),
                "{len} bytes"
            );
        }
        assert!(foreign == bytes && rest == *b"rest");
        drop(rest);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_block_that_a_message_holds_twice_is_masked_as_two() {
    let pool = pool();
    let payload = leased(&pool, &pattern(1_000));
    let mut twice = payload.slice(100..900);
    twice.append(payload);
    let expected = twice.to_vec();
    let mut socket = socket(Role::Client, Faulty::new([]), &pool);
    socket.send(Message::binary(twice)).await.unwrap();
    assert!(sent(&socket)[0].payload == expected);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_nobody_else_has_is_masked_where_it_lies() {
    let (pool, mut held) = exhausted();
    held.truncate(12);
    let payload = leased(&pool, &pattern(16 << 10));
    let mut socket = socket(Role::Client, Faulty::new([]), &pool);
    // Not a block is left for a copy.
    assert!(once(socket.send(Message::binary(payload))).await.is_ready());
    assert!(sent(&socket)[0].payload == pattern(16 << 10));
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn masking_waits_for_memory_and_goes_on() {
    let (pool, mut held) = exhausted();
    let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &pool);
    let (sent_all, ()) = tokio::join!(
        async {
            socket.send(Message::binary(Bytes::from(pattern(10_000)))).await?;
            socket.send("next").await
        },
        async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                held.pop();
            }
        }
    );
    sent_all.unwrap();
    assert_eq!(
        sent(&socket).into_iter().map(|frame| frame.payload).collect::<Vec<_>>(),
        [pattern(10_000), b"next".into()]
    );
    assert_eq!(pool.stats().waiting, 0);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_while_it_waits_for_memory_keeps_the_order() {
    let (pool, mut held) = exhausted();
    let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &pool);
    assert!(once(socket.send("first")).await.is_pending());
    for _ in 0..3 {
        assert!(once(socket.send("never taken")).await.is_pending());
    }
    held.pop();
    socket.send("second").await.unwrap();
    assert_eq!(
        sent(&socket).iter().map(|frame| &frame.payload[..]).collect::<Vec<_>>(),
        [&b"first"[..], b"second"]
    );
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn masking_that_waits_too_long_is_an_error_and_the_next_message_can_be_sent() {
    let (pool, held) = exhausted();
    let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &pool);
    let error = socket.send("lost").await.unwrap_err();
    assert!(error.is_lease() && std::error::Error::source(&error).is_some(), "{error}");
    assert!(socket.is_open());
    drop(held);
    socket.send("sent").await.unwrap();
    assert_eq!(sent(&socket).len(), 1);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_copy_that_can_never_be_had_is_an_error_at_once() {
    let pool = pool();
    let account = pool.account("one", 4 << 10);
    let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &account);
    let error = socket.send(Message::binary(Bytes::from(pattern(5_000)))).await.unwrap_err();
    assert!(error.is_lease() && error.close_code().unwrap().get() == 1009, "{error}");
    socket.send(Message::binary(Bytes::from(pattern(3_000)))).await.unwrap();
    assert_eq!(sent(&socket).len(), 1);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_memory_does_not_follow_the_close_frame() {
    let pool = Pool::builder().budget(64 << 10).classes([4 << 10]).build().unwrap();
    let mut held: Vec<_> = (0..15).map(|_| pool.try_lease(1).unwrap()).collect();
    let (near, mut peer) = duplex(Role::Client, 64 << 10);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    // Three blocks are needed; there is one, which is enough for a close frame.
    assert!(once(socket.send(Message::binary(Bytes::from(pattern(10_000))))).await.is_pending());
    peer.send(Frame::close(1000, "")).await;
    assert!(matches!(socket.recv().await.unwrap().unwrap(), Message::Close(Some(_))));
    assert!(once(socket.recv()).await.is_pending());
    held.truncate(8);
    let (end, ()) = tokio::join!(socket.recv(), peer.assert_closed(1000));
    assert!(end.is_none());
    drop((socket, held));
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_the_message_that_waits_for_memory() {
    let (pool, mut held) = exhausted();
    let (near, mut peer) = duplex(Role::Client, 1_000);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    assert!(once(socket.send("first")).await.is_pending());
    let peer = async {
        assert!(once(peer.recv()).await.is_pending());
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.truncate(8);
        assert_eq!(
            (peer.recv().await, peer.recv().await),
            (Some(Frame::text("first")), Some(Frame::close(1000, "")))
        );
        peer.send(Frame::close(1000, "")).await;
        peer.assert_end().await;
    };
    let (closed, ()) = tokio::join!(socket.close(None), peer);
    closed.unwrap();
    drop(held);
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_memory_a_client_answers_and_closes() {
    let (pool, mut held) = exhausted();
    let (near, mut peer) = duplex(Role::Client, 1_000);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    peer.send_all([Frame::ping("?"), Frame::new(0xb, "nonsense")]).await;
    // One block to read them, and none to answer.
    held.pop();
    let (ping, error) =
        (socket.recv().await.unwrap().unwrap(), socket.recv().await.unwrap().unwrap_err());
    assert!(matches!(&ping, Message::Ping(_)) && error.is_protocol());
    assert_eq!(pool.leased(), 64 << 10);
    assert_eq!(peer.recv().await, Some(Frame::pong("?")));
    let (end, ()) = tokio::join!(socket.recv(), peer.assert_closed(1002));
    assert!(end.is_none());
    drop((ping, held));
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_memory_a_client_still_ends_in_time() {
    let (pool, held) = exhausted();
    let (near, _peer) = duplex(Role::Client, 1_000);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    let begun = Instant::now();
    assert!(socket.close(None).await.is_err());
    assert!(socket.recv().await.is_none());
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    drop((socket, held));
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}
