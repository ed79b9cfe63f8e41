//! Inflating while memory is short, and what it may take at all.

use std::{task::Poll, time::Duration};

use leasehold::{
    Pool,
    ws::{CloseCode, Config, KeepAlive, Role, WebSocket},
};

use crate::ws_deflate::{
    transport::{Faulty, once},
    wire::{BINARY, RSV1, TEXT, agreement, content, deflated, frame, json, one_of_each, server},
};

const KIB: usize = 1 << 10;

/// A pool for compressors alone, so that the sockets' one shows what they have.
fn machines() -> Pool {
    Pool::new(4 << 20).expect("a pool")
}

#[tokio::test]
async fn memory_that_is_short_is_waited_for_at_every_lease_and_at_every_poll_anew() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let plain = json(60_000);
    let incoming = frame(TEXT | RSV1, &deflated(&plain));
    let pool = Pool::builder().budget(256 * KIB).classes([4 * KIB]).build().expect("a pool");
    for left in 0.. {
        let mut held: Vec<_> = (left..64).map(|_| pool.try_lease(1).expect("a block")).collect();
        let mut socket = server(&pool, &deflate, Config::new(), incoming.clone());
        let mut waits = 0;
        // Each poll is the only one of its `recv`, which is dropped.
        let text = loop {
            match once(socket.recv()).await {
                Poll::Ready(message) => break message.expect("a message").expect("it is whole"),
                Poll::Pending if pool.stats().waiting > 0 => {
                    waits += 1;
                    drop(held.pop().expect("there is as much as it needs"));
                }
                Poll::Pending => {}
            }
        };
        assert!(content(text) == (true, plain.clone()), "{left} blocks left");
        drop((socket, held));
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
        if waits == 0 {
            assert!(left > 60_000 / (4 * KIB), "{left} blocks are enough for the message");
            break;
        }
    }
    drop(deflate);
    assert_eq!(machines.leased(), 0);
}

#[tokio::test]
async fn who_waits_for_memory_leaves_the_decompressor_to_others_and_begins_anew() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let pool = Pool::new(4 << 20).expect("a pool");
    let (plain, short) = (json(60_000), json(2_000));
    let account = pool.account("short", 160 * KIB);
    let mut poor =
        server(&account, &deflate, Config::new(), frame(BINARY | RSV1, &deflated(&plain)));
    let mut waits = 0;
    let received = loop {
        let held: Vec<_> = std::iter::from_fn(|| account.try_lease(1).ok()).collect();
        match once(poor.recv()).await {
            Poll::Ready(message) => break message.expect("a message").expect("it is whole"),
            Poll::Pending if pool.stats().waiting > 0 => {
                waits += 1;
                let mut rich =
                    server(&pool, &deflate, Config::new(), frame(TEXT | RSV1, &deflated(&short)));
                let other = rich.recv().await.expect("a message").expect("it is whole");
                assert!(content(other) == (true, short.clone()));
            }
            Poll::Pending => {}
        }
        drop(held);
    };
    assert!(content(received) == (false, plain));
    assert!(waits >= 3, "{waits} waits");
    drop((poor, deflate));
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_not_given_up_while_its_message_waits_for_memory() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let pool = Pool::new(4 << 20).expect("a pool");
    let account = pool.account("short", 160 * KIB);
    let keep_alive = KeepAlive::new(Duration::from_secs(2), Duration::from_secs(2));
    let config = Config::new().keep_alive(&keep_alive);
    let plain = json(60_000);
    let mut held = Vec::new();
    while account.leased() < 120 * KIB {
        held.push(account.try_lease(1).expect("a block"));
    }
    let mut socket = server(&account, &deflate, config, frame(BINARY | RSV1, &deflated(&plain)));
    let freeing = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(pool.stats().waiting, 1);
        held.clear();
    };
    let (message, ()) = tokio::join!(socket.recv(), freeing);
    assert!(content(message.expect("a message").expect("it is whole")).1 == plain);
    drop((socket, deflate));
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}

#[tokio::test]
async fn memory_that_can_never_be_had_fails_the_message() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let pool = Pool::new(4 << 20).expect("a pool");
    let account = pool.account("small", 8 * KIB);
    let mut socket =
        server(&account, &deflate, Config::new(), frame(BINARY | RSV1, &deflated(&json(20_000))));
    let error = socket.recv().await.expect("an answer").expect_err("it is too large");
    assert!(error.is_lease(), "{error}");
    drop((socket, deflate));
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}

#[tokio::test]
async fn a_socket_that_is_gone_while_it_waits_leaves_nothing() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let pool = Pool::new(4 << 20).expect("a pool");
    let incoming = frame(BINARY | RSV1, &deflated(&json(1 << 20)));
    for polls in 0..30 {
        let account = pool.account("one", 300 * KIB);
        let mut socket = server(&account, &deflate, Config::new(), incoming.clone());
        for _ in 0..polls {
            assert!(once(socket.recv()).await.is_pending());
        }
        drop(socket);
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
    let mut next = server(&pool, &deflate, Config::new(), incoming);
    assert!(next.recv().await.expect("a message").is_ok(), "the decompressor is there");
    drop((next, deflate));
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}

#[tokio::test]
async fn memory_is_leased_as_bytes_come_out_slice_by_slice() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    let pool = Pool::new(64 << 20).expect("a pool");
    let incoming = frame(BINARY | RSV1, &deflated(&json(4 << 20)));
    let mut socket = server(&pool, &deflate, Config::new(), incoming);
    let (mut leased, mut polls) = (0, 0);
    let message = loop {
        match once(socket.recv()).await {
            Poll::Ready(message) => break message.expect("a message").expect("it is whole"),
            Poll::Pending => {
                polls += 1;
                // The first polls read, up to 512 KiB each.
                let more = pool.leased().saturating_sub(leased);
                assert!(
                    more <= if polls < 4 { 1 << 20 } else { 160 * KIB },
                    "{more} bytes in poll {polls}"
                );
                leased = pool.leased();
            }
        }
    };
    assert!(polls > 50, "{polls} polls");
    assert!(pool.peak() < (4 << 20) + (2 << 20), "{} bytes at most", pool.peak());
    drop((message, socket, deflate));
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}

/// A gibibyte of zeros, or as many mebibytes: a thousandth of that.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let one = deflated(&vec![0; 1 << 20]);
    let flushed = [&one[..], &[0, 0, 0xff, 0xff]].concat();
    [flushed.repeat(mebibytes - 1), one].concat()
}

#[tokio::test]
async fn a_bomb_is_cut_at_the_limit_of_a_message() {
    let machines = machines();
    let deflate = one_of_each(&machines);
    for (mebibytes, max_message_size) in [(1 << 10, 2 << 20), (100, 1 << 20), (100, 100 * KIB)] {
        let pool = Pool::new(64 << 20).expect("a pool");
        let payload = bomb(mebibytes);
        let len = payload.len();
        let config = Config::new().max_message_size(max_message_size.max(len));
        let io = Faulty::new(frame(BINARY | RSV1, &payload)).staying_open();
        let mut socket = WebSocket::with_config(io, Role::Server, &pool, config.into())
            .with_deflate(agreement(&deflate, "permessage-deflate"));
        let error = socket.recv().await.expect("an answer").expect_err("it is too long");
        assert_eq!(error.close_code(), Some(CloseCode::TOO_BIG));
        let most = max_message_size.max(len) + 2 * len + 256 * KIB;
        println!(
            "{mebibytes} MiB in {len} bytes, limit {max_message_size}: {} bytes at most",
            pool.peak()
        );
        assert!(pool.peak() <= most, "{} bytes, {most} expected", pool.peak());
        drop(socket);
        assert_eq!(pool.leased(), 0);
    }
    drop(deflate);
    assert_eq!(machines.leased(), 0);
}
