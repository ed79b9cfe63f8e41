//! Futures that are dropped after any number of polls: nothing is lost, nothing comes twice, no
//! item is sent by half.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use leasehold::{Pool, codec as ours, codec::compat};
use tokio_util::codec as theirs;

use crate::framed::{
    fault::Fault,
    rivals::{Content, Sender},
    roomy::Roomy,
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

/// Item number `at`: a length that tells it from its neighbours, and its number in every byte.
fn item(at: usize) -> Bytes {
    Bytes::from(vec![at as u8; 1 + at * 37 % 1_500])
}

fn wire(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let encode = |at| [&(item(at).len() as u32).to_be_bytes()[..], &item(at)].concat();
    numbers.into_iter().flat_map(encode).collect()
}

/// The numbers of the items that were sent.
///
/// # Panics
/// If there is anything else among them.
fn numbers(mut sent: &[u8]) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let [a, b, c, d, number, ..] = *sent {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        assert!(sent[4..4 + len] == item(number.into()), "a whole item");
        numbers.push(number.into());
        sent = &sent[4 + len..];
    }
    assert!(sent.is_empty(), "half an item");
    numbers
}

fn transports(incoming: &[u8]) -> Vec<Faulty> {
    let io = || Faulty::new(incoming).pending();
    let mut transports =
        vec![io().cut(1), io().cut(7).vectored(), io().cut(500), io().vectored(), io()];
    transports.extend((0..10).map(|seed| Faulty::random(incoming, seed).cut(300)));
    transports
}

/// Reads all frames by futures that live for `polls` polls.
fn assert_all_read<S, I, E>(mut stream: S, polls: usize)
where
    S: StreamExt<Item = Result<I, E>> + Unpin,
    I: Content,
    E: Into<Fault>,
{
    for at in 0..9 {
        let frame = loop {
            if let Some(next) = cancelled(stream.next(), polls) {
                break next.expect("a frame").map_err(Into::into).expect("a frame").content();
            }
        };
        assert!(frame == item(at));
    }
    while cancelled(stream.next(), polls).is_none() {}
}

#[test]
fn a_next_that_is_dropped_loses_no_frame() {
    let pool = Pool::new(8 << 20).unwrap();
    for polls in [1, 2, 3, 10] {
        for io in transports(&wire(0..9)) {
            assert_all_read(ours::Framed::new(io, ours::LengthDelimitedCodec::new(), &pool), polls);
        }
        for io in transports(&wire(0..9)) {
            assert_all_read(
                ours::FramedRead::new(io, ours::LengthDelimitedCodec::new(), &pool),
                polls,
            );
        }
        for io in transports(&wire(0..9)) {
            assert_all_read(
                compat::Framed::new(io, theirs::LengthDelimitedCodec::new()).charge_to(&pool),
                polls,
            );
        }
    }
    assert_eq!(pool.leased(), 0);
}

/// Feeds all items, and flushes by futures that live for `polls` polls.
fn assert_flushed(mut sink: impl Sender<Bytes>, polls: usize) {
    sink.bound_by(usize::MAX);
    for at in 0..9 {
        while cancelled(sink.feed(item(at)), 100).is_none() {}
        if at % 4 == 0 {
            while cancelled(sink.flush(), polls).is_none() {}
            assert!(sink.io().sent() == wire(0..=at));
        }
    }
    assert!(sink.io().sent() == wire(0..9));
}

#[test]
fn a_flush_that_is_dropped_sends_every_byte_once() {
    let pool = Pool::new(8 << 20).unwrap();
    for polls in [1, 2, 3, 10] {
        for io in transports(&[]) {
            assert_flushed(ours::Framed::new(io, ours::LengthDelimitedCodec::new(), &pool), polls);
        }
        for io in transports(&[]) {
            assert_flushed(
                ours::FramedWrite::new(io, ours::LengthDelimitedCodec::new(), &pool),
                polls,
            );
        }
        for io in transports(&[]) {
            assert_flushed(
                compat::Framed::new(io, theirs::LengthDelimitedCodec::new()).charge_to(&pool),
                polls,
            );
        }
    }
    assert_eq!(pool.leased(), 0);
}

/// Sends items by futures that live for `polls` polls, each item by one: the wire has all that were
/// said to be sent, and whole ones only.
fn assert_sent_or_not(mut sink: impl Sender<Bytes>, polls: usize, boundary: usize, is_fed: bool) {
    sink.bound_by(boundary);
    let mut acknowledged = Vec::new();
    for at in 0..60 {
        let sent = if is_fed {
            cancelled(sink.feed(item(at)), polls)
        } else {
            cancelled(sink.send(item(at)), polls)
        };
        if let Some(sent) = sent {
            sent.map_err(Into::into).unwrap();
            acknowledged.push(at);
        }
    }
    while cancelled(sink.flush(), 100).is_none() {}
    let sent = numbers(sink.io().sent());
    assert!(sent.is_sorted_by(|one, next| one < next), "in order, and none twice");
    assert!(acknowledged.iter().all(|at| sent.contains(at)));
    if is_fed {
        assert_eq!(acknowledged, sent, "a feed that was dropped has not taken its item");
    }
}

#[test]
fn a_send_that_is_dropped_has_sent_its_item_or_not() {
    let pool = Pool::new(8 << 20).unwrap();
    for polls in [1, 2, 3, 5, 20] {
        for boundary in [0, 1_000, 8 << 10] {
            for is_fed in [false, true] {
                for io in transports(&[]) {
                    let sink = ours::Framed::new(io, ours::LengthDelimitedCodec::new(), &pool);
                    assert_sent_or_not(sink, polls, boundary, is_fed);
                }
                for io in transports(&[]) {
                    let sink = compat::Framed::new(io, theirs::LengthDelimitedCodec::new())
                        .charge_to(&pool);
                    assert_sent_or_not(sink, polls, boundary, is_fed);
                }
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_memory_that_is_dropped_loses_nothing() {
    let pool = Pool::builder().budget(64 << 10).classes([4 << 10]).build().unwrap();
    for polls in 1..4 {
        let incoming = Faulty::new(wire(0..9)).cut(600);
        let mut framed = ours::Framed::new(incoming, Roomy::new(), &pool);
        for at in 0..9 {
            let mut held: Vec<_> = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
            assert!(cancelled(framed.feed(item(at)), polls).is_none(), "there is no memory");
            if framed.read_buffer().is_empty() {
                assert!(cancelled(framed.next(), polls).is_none(), "there is no memory");
            }
            held.truncate(held.len() - 2);
            let frame = framed.next().await.unwrap().unwrap();
            assert_eq!(frame, *item(at));
            framed.send(frame).await.unwrap();
        }
        assert_eq!(numbers(framed.get_ref().sent()), (0..9).collect::<Vec<_>>());
        drop(framed);
        assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
    }
}
