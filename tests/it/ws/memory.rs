//! What sockets lease, what is pinned by what is kept, and what they do when there is nothing to
//! lease.

use std::time::Duration;

use bytes::Bytes;
use leasehold::{
    Pool,
    ws::{Message, Role, WebSocket},
};
use tokio::time::Instant;

use crate::ws::{
    ROLES,
    frame::{BINARY, CLOSE, Frame, TEXT, wire},
    peer::{Peer, duplex},
    pool, socket,
    transport::{Faulty, once, pattern, sockets::tcp_pair},
};

const KIB: usize = 1 << 10;

// ---- the nth lease fails ------------------------------------------------------------------------

fn incoming(role: Role) -> Vec<u8> {
    let (large, small) = (pattern(20_000), vec![b'x'; 40]);
    let fragments = Frame::fragments(BINARY, large.chunks(3_000), role);
    let small = Frame::fragments(TEXT, small.chunks(1), role);
    let whole = [Frame::text("x".repeat(200)), Frame::ping("?"), Frame::binary(pattern(30_000))];
    wire(whole.map(|frame| frame.to(role)).into_iter().chain(fragments).chain(small))
}

/// Receives and keeps all; what the error was told the peer, if there was one.
async fn receive_all(mut socket: WebSocket<Faulty>) -> Option<u16> {
    let mut kept = Vec::new();
    loop {
        match socket.recv().await.unwrap() {
            Ok(message) => kept.push(message),
            Err(error) if error.is_io() => return None,
            Err(error) => {
                assert!(error.is_lease(), "{error}");
                let code = error.close_code().expect("there is somebody to be told").get();
                drop(kept);
                while socket.recv().await.is_some() {}
                let sent = Frame::parse_all(socket.get_ref().sent());
                let closes: Vec<_> = sent.iter().filter(|frame| frame.opcode() == CLOSE).collect();
                let [close] = closes[..] else { panic!("{sent:?}") };
                assert_eq!(close.close_code(), Some(code));
                return Some(code);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn receiving_with_too_little_memory_ends_with_a_code_and_nothing_leased() {
    let pool = pool();
    for role in ROLES {
        for cut in [700, usize::MAX] {
            let mut codes = Vec::new();
            for limit in 0.. {
                let account = pool.account("one", limit * KIB);
                let io = Faulty::new(incoming(role)).cut(cut);
                let code = receive_all(WebSocket::new(io, role, &account)).await;
                assert_eq!((pool.leased(), pool.stats().waiting), (0, 0), "{limit} KiB");
                match code {
                    Some(code) => codes.push(code),
                    None => break,
                }
            }
            assert!(codes.len() > 40, "{} KiB are enough", codes.len());
            assert!(codes.iter().all(|code| [1009, 1013].contains(code)), "{codes:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn receiving_waits_for_memory_and_loses_nothing() {
    for role in ROLES {
        let pool = Pool::builder().budget(256 * KIB).classes([4 * KIB]).build().unwrap();
        let mut held: Vec<_> = (0..64).map(|_| pool.try_lease(1).unwrap()).collect();
        let mut socket = socket(
            role,
            Faulty::new(Frame::text("x".repeat(50_000)).to(role).to_bytes()).cut(5_000),
            &pool,
        );
        let receiving = socket.recv();
        let giving = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                held.pop();
            }
        };
        let (message, ()) = tokio::join!(receiving, giving);
        assert_eq!(message.unwrap().unwrap(), Message::from("x".repeat(50_000)));
        drop(held);
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_told_to_try_again_when_memory_is_short_for_too_long() {
    let pool = Pool::builder().budget(64 * KIB).classes([4 * KIB]).build().unwrap();
    let held: Vec<_> = (0..15).map(|_| pool.try_lease(1).unwrap()).collect();
    let (near, mut peer) = duplex(Role::Server, 64 * KIB);
    let mut socket = WebSocket::new(near, Role::Server, &pool);
    peer.send(Frame::text("x".repeat(50_000))).await;
    let begun = Instant::now();
    let error = socket.recv().await.unwrap().unwrap_err();
    assert!(error.is_lease() && begun.elapsed() >= Duration::from_secs(30), "{error}");
    let (end, ()) = tokio::join!(socket.recv(), peer.assert_closed(1013));
    assert!(end.is_none());
    drop(held);
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn sending_with_too_little_memory_is_an_error_and_nothing_is_leased() {
    let pool = pool();
    let text = Bytes::from("x".repeat(70_000));
    let mut failures = 0;
    for limit in 0.. {
        let account = pool.account("one", limit * KIB);
        let mut socket = socket(Role::Client, Faulty::new([]).staying_open(), &account);
        let sent = socket.send(Message::binary(text.clone())).await;
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0), "{limit} KiB");
        match sent {
            Ok(()) => break,
            Err(error) => {
                assert!(error.is_lease() && socket.is_open(), "{error}");
                assert_eq!(socket.get_ref().sent(), [], "not a part of it");
                failures += 1;
            }
        }
    }
    assert!((69..200).contains(&failures), "{failures}");
}

#[tokio::test]
async fn a_server_sends_without_memory() {
    let pool = pool();
    let account = pool.account("none", 0);
    let mut socket = socket(Role::Server, Faulty::new([]).staying_open(), &account);
    socket.send("x".repeat(70_000)).await.unwrap();
    socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(Frame::parse_all(socket.get_ref().sent()).len(), 2);
    assert_eq!(pool.leased(), 0);
}

// ---- what is kept pins little (NO-PIN) ----------------------------------------------------------

#[tokio::test]
async fn a_thousand_small_messages_that_are_kept_pin_a_few_blocks() {
    let pool = pool();
    for role in ROLES {
        let frames = wire((0..1_000).map(|index| Frame::binary([index as u8]).to(role)));
        let mut socket = socket(role, Faulty::new(frames).staying_open(), &pool);
        let mut kept = Vec::new();
        for _ in 0..1_000 {
            kept.push(socket.recv().await.unwrap().unwrap().into_data().unwrap());
        }
        assert!(pool.leased() <= 20 * KIB, "{}", pool.leased());
        assert!(kept.iter().enumerate().all(|(index, chain)| *chain == [index as u8]));
        drop(kept);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn small_messages_that_came_apart_pin_a_small_block_each_until_they_are_compacted() {
    let pool = pool();
    let mut socket = socket(Role::Server, Faulty::new([]).staying_open(), &pool);
    let mut kept = Vec::new();
    for _ in 0..1_000 {
        socket.get_mut().feed(&Frame::binary("x").masked().to_bytes());
        kept.push(socket.recv().await.unwrap().unwrap().into_data().unwrap());
    }
    assert!(pool.leased() <= 1_000 * 4 * KIB, "{}", pool.leased());
    kept.iter_mut().for_each(|chain| chain.compact(&pool).unwrap());
    assert!(pool.leased() <= 1_000 * KIB, "{}", pool.leased());
    drop(kept);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_slice_of_a_large_message_pins_a_block_and_not_the_message() {
    let pool = pool();
    let (near, far) = tcp_pair().await;
    let mut socket = WebSocket::new(near, Role::Server, &pool);
    let mut peer = Peer::new(far, Role::Server);
    let mut kept = Vec::new();
    for _ in 0..8 {
        let ((), message) = tokio::join!(peer.send(Frame::binary(pattern(1 << 20))), socket.recv());
        kept.push(message.unwrap().unwrap().into_data().unwrap().slice(500_000..500_010));
    }
    assert!(pool.leased() <= 8 * 64 * KIB, "{}", pool.leased());
    kept.iter_mut().for_each(|chain| chain.compact(&pool).unwrap());
    assert!(pool.leased() <= 8 * KIB, "{}", pool.leased());
    assert!(kept.iter().all(|chain| *chain == pattern(500_010)[500_000..]));
    drop(kept);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn thousands_of_fragments_of_one_byte_pin_little() {
    let pool = pool();
    for role in ROLES {
        let payload = pattern(4_000);
        let frames: Vec<_> = Frame::fragments(BINARY, payload.chunks(1), role).collect();
        let mut socket = socket(role, Faulty::new([]).staying_open(), &pool);
        let (last, frames) = frames.split_last().unwrap();
        let mut most = 0;
        for frame in frames {
            socket.get_mut().feed(&frame.to_bytes());
            assert!(once(socket.recv()).await.is_pending());
            most = most.max(pool.leased());
        }
        assert!(most <= 8 * KIB, "{most}");
        socket.get_mut().feed(&last.to_bytes());
        let message = socket.recv().await.unwrap().unwrap();
        assert!(pool.leased() <= 8 * KIB, "{}", pool.leased());
        assert!(message.into_data().unwrap() == payload[..]);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_message_that_is_begun_pins_little_more_than_what_has_come() {
    let pool = pool();
    for (come, most) in [(1, 4), (500, 4), (5_000, 64), (60_000, 128), (500_000, 640)] {
        let (near, mut far) = tcp_pair().await;
        let mut socket = WebSocket::new(near, Role::Server, &pool);
        let bytes = Frame::binary(pattern(1 << 20)).masked().to_bytes();
        tokio::io::AsyncWriteExt::write_all(&mut far, &bytes[..come]).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(50), socket.recv()).await;
        assert!(waited.is_err(), "it is not complete");
        assert!(pool.leased() <= most * KIB, "{come} bytes pin {}", pool.leased());
        drop(socket);
        assert_eq!(pool.leased(), 0);
    }
}
