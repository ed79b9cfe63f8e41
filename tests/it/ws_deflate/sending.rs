//! Messages that are compressed, or go as they are.

use std::task::Poll;

use bytes::Bytes;
use futures_util::SinkExt;
use leasehold::{
    Pool,
    ws::{CloseFrame, Config, Deflate, Message, Role, WebSocket},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::ws_deflate::{
    transport::{Faulty, once},
    wire::{
        BINARY, RSV1, TEXT, agreement, content, frame, inflated, inflated_with, json, one_of_each,
        read_frame, server,
    },
};

const CLOSE: u8 = 0x88;

fn noise(len: usize) -> Vec<u8> {
    let mut noise = vec![0; len];
    SmallRng::seed_from_u64(7).fill_bytes(&mut noise);
    noise
}

/// The frames that a server has sent.
async fn sent(socket: &WebSocket<Faulty>) -> Vec<(u8, Vec<u8>)> {
    let (mut io, mut frames) = (socket.get_ref().sent(), Vec::new());
    while !io.is_empty() {
        frames.push(read_frame(&mut io).await);
    }
    frames
}

fn binary(bytes: impl Into<Bytes>) -> Message {
    Message::binary(bytes.into())
}

#[tokio::test]
async fn a_message_is_compressed_from_1_kib_on_and_if_that_makes_it_shorter() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut socket = server(&pool, &deflate, Config::new(), Vec::new());
    for (plain, is_compressed) in [
        (json(1_023), false),
        (json(1_024), true),
        (json(63 << 10), true),
        (json(300_000), true),
        (vec![0; 5_000_000], true),
        (noise(1_024), false),
        (noise(300_000), false),
        // Not worth it in the end.
        ([json(100_000), noise(1 << 20)].concat(), true),
    ] {
        let before = sent(&socket).await.len();
        socket.send(binary(plain.clone())).await.expect("it is sent");
        let (first, payload) = sent(&socket).await.swap_remove(before);
        assert_eq!(first, BINARY | if is_compressed { RSV1 } else { 0 }, "{} bytes", plain.len());
        assert!(if is_compressed { inflated(&payload) } else { payload.clone() } == plain);
        assert!(payload.len() < plain.len() || !is_compressed);
    }
    let text = String::from_utf8(json(2_000)).expect("text");
    socket.send(text.clone()).await.expect("it is sent");
    let (first, payload) = sent(&socket).await.pop().expect("a frame");
    assert_eq!((first, inflated(&payload)), (TEXT | RSV1, text.into_bytes()));
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn every_message_stands_alone() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut socket = server(&pool, &deflate, Config::new(), Vec::new());
    for _ in 0..3 {
        socket.send(binary(json(5_000))).await.expect("it is sent");
    }
    let frames = sent(&socket).await;
    assert!(frames.iter().all(|(_, payload)| inflated(payload) == json(5_000)));
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_peer_is_sent_what_fits_in_its_window() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    // What repeats after 4 KiB repeats in no smaller window.
    let plain = noise(4 << 10).repeat(8);
    let mut lens = Vec::new();
    for bits in (9..=15).rev() {
        let offer = format!("permessage-deflate; server_max_window_bits={bits}");
        let mut socket = WebSocket::new(Faulty::new([]).staying_open(), Role::Server, &pool)
            .with_deflate(agreement(&deflate, &offer));
        socket.send(binary([json(2_000), plain.clone()].concat())).await.expect("it is sent");
        let (first, payload) = sent(&socket).await.remove(0);
        assert_eq!(first, BINARY | RSV1, "{bits} bits");
        assert!(
            inflated_with(&payload, bits) == [json(2_000), plain.clone()].concat(),
            "{bits} bits"
        );
        lens.push(payload.len());
    }
    assert!(lens[0] < 8 << 10 && lens[6] > 30 << 10, "{lens:?}");
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn while_the_compressor_is_busy_messages_go_as_they_are() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut busy = server(&pool, &deflate, Config::new(), Vec::new());
    let mut other = server(&pool, &deflate, Config::new(), Vec::new());
    busy.feed(binary(json(200_000))).await.expect("it is taken");
    other.send(binary(json(2_000))).await.expect("it is sent");
    assert_eq!(sent(&other).await, [(BINARY, json(2_000))]);
    busy.flush().await.expect("it is sent");
    let (first, payload) = sent(&busy).await.remove(0);
    assert_eq!((first, inflated(&payload) == json(200_000)), (BINARY | RSV1, true));
    other.send(binary(json(2_000))).await.expect("it is sent");
    assert_eq!(sent(&other).await[1].0, BINARY | RSV1);
    drop((busy, other, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_compressor_that_nobody_comes_back_to_is_taken_by_others() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut gone = server(&pool, &deflate, Config::new(), Vec::new());
    let mut other = server(&pool, &deflate, Config::new(), Vec::new());
    gone.feed(binary(json(200_000))).await.expect("it is taken");
    tokio::time::advance(std::time::Duration::from_millis(101)).await;
    other.send(binary(json(2_000))).await.expect("it is sent");
    assert_eq!(sent(&other).await[0].0, BINARY | RSV1);
    gone.flush().await.expect("it is sent");
    assert_eq!(sent(&gone).await, [(BINARY, json(200_000))]);
    drop((gone, other, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn while_memory_is_short_messages_go_as_they_are() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let plain = json(200_000);
    let whole = inflate_len(&pool, &deflate, &plain).await;
    let mut compressed = 0;
    for left in (0..=whole + (4 << 10)).step_by(4 << 10) {
        let account = pool.account("one", left.max(1 << 10));
        let held = (left == 0).then(|| account.try_lease(1).expect("a block"));
        let mut socket = server(&account, &deflate, Config::new(), Vec::new());
        socket.send(binary(plain.clone())).await.expect("it waits for nothing");
        let (first, payload) = sent(&socket).await.remove(0);
        let is_compressed = first == BINARY | RSV1;
        assert!(if is_compressed { inflated(&payload) } else { payload } == plain);
        compressed += usize::from(is_compressed);
        drop((socket, held));
        assert_eq!(account.leased(), 0);
    }
    assert!(compressed > 0, "at last there is enough");
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

/// What a compressed message takes.
async fn inflate_len(pool: &Pool, deflate: &Deflate, plain: &[u8]) -> usize {
    let account = pool.account("measured", 8 << 20);
    let mut socket = server(&account, deflate, Config::new(), Vec::new());
    socket.send(binary(plain.to_vec())).await.expect("it is sent");
    account.peak()
}

#[tokio::test]
async fn a_send_that_is_dropped_sends_all_or_nothing_and_in_order() {
    let plain = json(1 << 20);
    let pool = Pool::new(8 << 20).expect("a pool");
    for polls in 0.. {
        let deflate = one_of_each(&pool);
        let mut socket = server(&pool, &deflate, Config::new(), Vec::new());
        let is_done = {
            let mut sending = std::pin::pin!(socket.send(binary(plain.clone())));
            let mut is_done = false;
            for _ in 0..polls {
                is_done = once(sending.as_mut()).await.is_ready();
            }
            is_done
        };
        socket.send("next").await.expect("it is sent");
        let mut frames = sent(&socket).await;
        assert_eq!(frames.pop(), Some((TEXT, b"next".to_vec())));
        for (first, payload) in frames {
            assert_eq!((first, inflated(&payload) == plain), (BINARY | RSV1, true));
        }
        drop((socket, deflate));
        assert_eq!(pool.leased(), 0);
        if is_done {
            assert!(polls > 5, "it was a matter of several polls");
            return;
        }
    }
}

#[tokio::test]
async fn a_message_that_is_being_compressed_goes_before_the_answer_to_a_close_frame() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut socket = server(&pool, &deflate, Config::new(), frame(CLOSE, &[0x03, 0xe8]));
    socket.feed(binary(json(200_000))).await.expect("it is taken");
    let close = socket.recv().await.expect("a close frame").expect("it is whole");
    assert!(matches!(close, Message::Close(Some(_))));
    assert!(matches!(once(socket.recv()).await, Poll::Pending | Poll::Ready(None)));
    let frames = sent(&socket).await;
    assert_eq!(frames.len(), 2);
    assert!(frames[0] == (BINARY, json(200_000)), "as it is: nothing waits for it");
    assert_eq!(frames[1].0, CLOSE);
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_close_frame_of_ours_follows_what_was_sent_before() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut socket = server(&pool, &deflate, Config::new(), Vec::new());
    socket.feed(binary(json(200_000))).await.expect("it is taken");
    socket.send(Message::Close(None::<CloseFrame>)).await.expect("it is sent");
    let frames = sent(&socket).await;
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [BINARY | RSV1, CLOSE]);
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn both_ends_of_ours_understand_each_other() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let (near, far) = tokio::io::duplex(10_000);
    let offer = "permessage-deflate; server_max_window_bits=11";
    let mut server =
        WebSocket::new(near, Role::Server, &pool).with_deflate(agreement(&deflate, offer));
    let answer = [(http::header::SEC_WEBSOCKET_EXTENSIONS, deflate.offer())].into_iter().collect();
    let (_, answer) = deflate.answer(&answer).expect("it is taken");
    let answer = [(http::header::SEC_WEBSOCKET_EXTENSIONS, answer)].into_iter().collect();
    let agreed = deflate.accept(&answer).expect("an answer").expect("an agreement");
    let mut client = WebSocket::new(far, Role::Client, &pool).with_deflate(agreed);
    for len in [0, 1, 1_000, 5_000, 100_000, 1 << 20] {
        let ping_pong = async {
            client.send(binary(json(len))).await.expect("it is sent");
            client.recv().await.expect("a message").expect("it is whole")
        };
        let echo = async {
            let message = server.recv().await.expect("a message").expect("it is whole");
            server.send(message).await.expect("it is sent");
        };
        let (echoed, ()) = tokio::join!(ping_pong, echo);
        assert!(content(echoed) == (false, json(len)), "{len} bytes");
    }
    drop((server, client, deflate));
    assert_eq!(pool.leased(), 0);
}
