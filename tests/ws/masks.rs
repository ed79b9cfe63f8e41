//! Clients mask what they send: in place where nobody else sees it, else in a copy, for which they wait.

use std::time::Duration;

use crate::{
    frame::Frame,
    pool, socket,
    transport::{Faulty, once, pattern},
};
use bytes::{BufMut, Bytes};
use leasehold::{
    BlockMut, Chain, Pool,
    ws::{Message, Role, WebSocket},
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
    assert!(keys.len() >= 49, "RFC 6455 §5.3: the key needs to be unpredictable; {} of 50", keys.len());
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
            assert!(sent[sent.len() - 3..].iter().all(|frame| frame.payload == whole), "{len} bytes");
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
    let account = pool.child("one", 4 << 10);
    let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &account);
    let error = socket.send(Message::binary(Bytes::from(pattern(5_000)))).await.unwrap_err();
    assert!(error.is_lease() && error.close_code().unwrap().get() == 1009, "{error}");
    socket.send(Message::binary(Bytes::from(pattern(3_000)))).await.unwrap();
    assert_eq!(sent(&socket).len(), 1);
    assert_eq!(pool.leased(), 0);
}
