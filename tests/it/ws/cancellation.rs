//! Futures that are dropped after any number of polls: no message is lost or comes twice, and none
//! is sent by half.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use leasehold::{
    Pool,
    ws::{Message, Role},
};

use crate::ws::{
    ROLES,
    frame::{BINARY, Frame, wire},
    pool, socket,
    transport::Faulty,
};

/// Polls at most `polls` times, then drops it.
fn cancelled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    None
}

/// Message number `at`: a length that tells it from its neighbours, and its number in every byte.
fn payload(at: usize) -> Vec<u8> {
    vec![at as u8; 1 + at * 337 % 1_500]
}

fn transports(incoming: &[u8]) -> Vec<Faulty> {
    let io = || Faulty::new(incoming).pending();
    let mut transports =
        vec![io().cut(1), io().cut(7).vectored(), io().cut(500), io().vectored(), io()];
    transports.extend((0..10).map(|seed| Faulty::random(incoming, seed).cut(300)));
    transports
}

#[tokio::test]
async fn a_recv_that_is_dropped_loses_no_message() {
    let pool = pool();
    for role in ROLES {
        let frames = (0..9).flat_map(|at| {
            let payload = payload(at);
            let fragments: Vec<_> = Frame::fragments(BINARY, payload.chunks(200), role).collect();
            fragments.into_iter().chain([Frame::ping([at as u8]).to(role)])
        });
        let bytes = wire(frames.chain([Frame::close(1000, "").to(role)]));
        for polls in [1, 2, 3, 10] {
            for io in transports(&bytes) {
                let mut socket = socket(role, io, &pool);
                let mut received = Vec::new();
                loop {
                    match cancelled(socket.recv(), polls) {
                        None => {}
                        Some(None) => break,
                        Some(Some(message)) => received.push(message.unwrap()),
                    }
                }
                let data: Vec<_> =
                    received.iter().filter_map(|message| message.clone().into_data()).collect();
                assert!(data.iter().enumerate().all(|(at, data)| *data == payload(at)[..]));
                assert_eq!((data.len(), received.len()), (9, 9 + 9 + 1));
                let sent = Frame::parse_all(socket.get_ref().sent());
                assert_eq!(sent.len(), 9 + 1, "a pong to each, and a close frame: {sent:?}");
                drop((data, received));
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

/// The numbers of the messages that were sent.
///
/// # Panics
/// If there is anything else among them.
fn numbers(sent: &[u8]) -> Vec<u8> {
    let number = |frame: Frame| {
        let number = frame.payload[0];
        assert!(frame.payload == payload(number.into()), "a whole message");
        number
    };
    Frame::parse_all(sent).into_iter().map(number).collect()
}

fn assert_whole(role: Role, pool: &Pool, polls: usize) {
    for io in transports(&[]) {
        let mut socket = socket(role, io, pool);
        let mut sent = Vec::new();
        for at in 0..30 {
            if cancelled(socket.send(Message::binary(Bytes::from(payload(at)))), polls)
                .is_some_and(|sent| sent.is_ok())
            {
                sent.push(at as u8);
            }
        }
        while cancelled(futures_util::SinkExt::<Message>::flush(&mut socket), 10).is_none() {}
        let numbers = numbers(socket.get_ref().sent());
        assert!(numbers.is_sorted_by(|a, b| a < b), "in order, none twice: {numbers:?}");
        assert!(sent.iter().all(|at| numbers.contains(at)), "{sent:?} of {numbers:?}");
        assert!(!numbers.is_empty());
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_send_that_is_dropped_never_sends_a_part() {
    let pool = pool();
    for role in ROLES {
        for polls in [1, 2, 3, 5, 9] {
            assert_whole(role, &pool, polls);
        }
    }
}
