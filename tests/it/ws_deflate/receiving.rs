//! Compressed messages that come, whole, cut, broken or too long.

use std::task::Poll;

use leasehold::{
    Chain, Pool,
    ws::{CloseCode, Config, Deflate, Error, Message, Role, WebSocket},
};
use proptest::{collection::vec, prelude::*};
use rand::Rng;

use crate::ws_deflate::{
    transport::{Faulty, once, seed},
    wire::{
        BINARY, FIN, PING, RSV1, TEXT, content, deflated, deflated_with, finished, frame, json,
        one_of_each, server,
    },
};

const CONTINUATION: u8 = 0x00;

/// Where servers of these tests live.
struct Site {
    pool: Pool,
    deflate: Deflate,
}

impl Site {
    fn new() -> Self {
        let pool = Pool::new(16 << 20).expect("a pool");
        Self { deflate: one_of_each(&pool), pool }
    }

    /// All that a server makes of what a client sends.
    async fn received(&self, config: Config, incoming: Vec<u8>) -> Vec<Result<Message, Error>> {
        let mut socket = server(&self.pool, &self.deflate, config, incoming);
        let mut all = Vec::new();
        let mut idle = 0;
        while idle < 2 {
            // A poll reads as much as there is, or inflates a slice.
            match once(socket.recv()).await {
                Poll::Ready(Some(Ok(message))) => all.push(Ok(copied(message))),
                Poll::Ready(Some(Err(error))) => all.push(Err(error)),
                Poll::Ready(None) => break,
                Poll::Pending if self.pool.leased() == self.deflate.reserved() => idle += 1,
                Poll::Pending => {}
            }
        }
        drop(socket);
        assert_eq!(self.pool.leased(), self.deflate.reserved());
        all
    }
}

/// The message, out of its blocks.
fn copied(message: Message) -> Message {
    let copied = |chain: Chain| Chain::from(bytes::Bytes::from(chain.to_vec()));
    match message {
        Message::Binary(chain) => Message::Binary(copied(chain)),
        Message::Text(text) => Message::text(text.to_string()),
        Message::Ping(chain) => Message::Ping(copied(chain)),
        other => panic!("{other:?}"),
    }
}

async fn received_with(config: Config, incoming: Vec<u8>) -> Vec<Result<Message, Error>> {
    Site::new().received(config, incoming).await
}

async fn received(incoming: Vec<u8>) -> Vec<Result<Message, Error>> {
    received_with(Config::new(), incoming).await
}

/// The one message that came.
async fn only(incoming: Vec<u8>) -> Vec<u8> {
    match <[_; 1]>::try_from(received(incoming).await) {
        Ok([Ok(message)]) => content(message).1,
        other => panic!("{other:?}"),
    }
}

/// The code that the last thing to come was refused with.
async fn refused(config: Config, incoming: Vec<u8>) -> Option<CloseCode> {
    match received_with(config, incoming).await.pop() {
        Some(Err(error)) => error.close_code(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_examples_of_the_rfc_are_hello() {
    for payload in [
        // RFC 7692 §7.2.3.1: one block.
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        // §7.2.3.3: a block without compression.
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        // §7.2.3.4: a final block.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        // §7.2.3.5: two blocks.
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ] {
        assert_eq!(only(frame(TEXT | RSV1, payload)).await, b"Hello", "{payload:x?}");
        for cut in 0..=payload.len() {
            let first = frame(TEXT & !FIN | RSV1, &payload[..cut]);
            let last = frame(FIN | CONTINUATION, &payload[cut..]);
            assert_eq!(only([first, last].concat()).await, b"Hello", "{payload:x?} cut at {cut}");
        }
    }
}

#[tokio::test]
async fn an_empty_message_is_one_however_it_is_sent() {
    // RFC 7692 §7.2.3.6; and what those send who flush when there is nothing to flush.
    for payload in [&[0x00][..], &[0x02, 0x00], &[]] {
        assert_eq!(only(frame(BINARY | RSV1, payload)).await, b"", "{payload:x?}");
    }
}

/// "Hello" in one final block, without what RFC 7692 §7.2.3.4 lets follow it.
const FINAL_HELLO: [u8; 7] = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[tokio::test]
async fn final_blocks_end_streams_and_not_messages() {
    let hello = FINAL_HELLO;
    for rest in [&[0x00][..], &[]] {
        let payload = [&hello[..], &hello, &hello, rest].concat();
        assert_eq!(only(frame(TEXT | RSV1, &payload)).await, b"HelloHelloHello", "and {rest:x?}");
    }
    let payload = [&hello[..], &deflated(b" and more")].concat();
    assert_eq!(only(frame(TEXT | RSV1, &payload)).await, b"Hello and more");
}

/// Node's ws and Python's websockets read these, and zlib writes them with Z_FINISH.
#[tokio::test]
async fn a_message_may_end_with_a_final_block() {
    assert_eq!(only(frame(BINARY | RSV1, &[0x03, 0x00])).await, b"");
    assert_eq!(only(frame(BINARY | RSV1, &[0x01, 0x00, 0x00, 0xff, 0xff])).await, b"");
    assert_eq!(only(frame(TEXT | RSV1, &FINAL_HELLO)).await, b"Hello");
    let mut noise = vec![0; 40_000];
    rand::rng().fill_bytes(&mut noise);
    for plain in [Vec::new(), b"a".repeat(100_000), json(16 << 10), json(100_000), noise] {
        for level in [0, 1, 9] {
            let payload = finished(&plain, level);
            assert_eq!(
                only(frame(BINARY | RSV1, &payload)).await,
                plain,
                "{} at {level}",
                plain.len()
            );
            let again =
                [frame(BINARY | RSV1, &payload), frame(BINARY | RSV1, &deflated(b"next"))].concat();
            let all = received(again).await;
            let [Ok(_), Ok(next)] = &all[..] else { panic!("{} messages", all.len()) };
            assert_eq!(content(next.clone()).1, b"next");
        }
    }
}

#[tokio::test]
async fn a_message_that_ends_with_a_final_block_may_be_cut_anywhere() {
    let site = Site::new();
    let twice = [&finished(&json(100), 9)[..], &finished(&json(100), 0)].concat();
    for payload in [vec![0x03, 0x00], FINAL_HELLO.to_vec(), finished(&json(300), 9), twice] {
        let plain = only(frame(BINARY | RSV1, &payload)).await;
        for cut in 0..=payload.len() {
            for last in [cut, payload.len()] {
                let incoming = [
                    frame(BINARY & !FIN | RSV1, &payload[..cut]),
                    frame(CONTINUATION, &payload[cut..last]),
                    frame(FIN | CONTINUATION, &payload[last..]),
                ];
                let all = site.received(Config::new(), incoming.concat()).await;
                let [Ok(message)] = &all[..] else { panic!("cut at {cut}: {all:?}") };
                assert_eq!(content(message.clone()).1, plain, "cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_behind_a_final_block_is_no_less_checked() {
    let hello = FINAL_HELLO;
    for rest in [
        &[0xff][..],
        &[0x00, 0x00],
        &[0x06],
        &hello[..3],
        &hello[..6],
        &[0x01, 0x01, 0x00, 0xfe, 0xff],
    ] {
        let payload = [&hello[..], rest].concat();
        assert_eq!(
            refused(Config::new(), frame(TEXT | RSV1, &payload)).await,
            Some(CloseCode::INVALID),
            "and {rest:x?}"
        );
    }
    let stream = finished(&b"a".repeat(1000), 9);
    for count in [1, 2, 10] {
        let payload = stream.repeat(count);
        let (first, last) = payload.split_at(payload.len() / 2);
        let cut = [frame(BINARY & !FIN | RSV1, first), frame(FIN | CONTINUATION, last)].concat();
        for incoming in [frame(BINARY | RSV1, &payload), cut] {
            let received =
                received_with(Config::new().max_message_size(1000 * count), incoming.clone()).await;
            assert!(matches!(&received[..], [Ok(_)]), "{count}: {received:?}");
            let config = Config::new().max_message_size(1000 * count - 1);
            assert_eq!(refused(config, incoming).await, Some(CloseCode::TOO_BIG), "{count}");
        }
    }
    // Very many empty streams: time is bounded by what comes in.
    let begun = std::time::Instant::now();
    assert_eq!(only(frame(BINARY | RSV1, &[0x03, 0x00].repeat(512 << 10))).await, b"");
    println!("a MiB of empty streams takes {:?}", begun.elapsed());
    // A bomb behind an empty stream.
    let bomb = [&[0x03, 0x00][..], &finished(&vec![0; 10 << 20], 9)].concat();
    assert!(bomb.len() < 20_000);
    let config = Config::new().max_message_size(1 << 20);
    assert_eq!(refused(config, frame(BINARY | RSV1, &bomb)).await, Some(CloseCode::TOO_BIG));
}

/// The receiver adds bytes to see whether a message is whole: they are no part of it.
#[tokio::test]
async fn no_byte_comes_out_of_what_the_receiver_adds() {
    for header in [0x00, 0x01] {
        for missing in 5..=10u8 {
            let payload = [header, missing, 0x00, !missing, 0xff];
            let incoming = frame(BINARY | RSV1, &payload);
            assert_eq!(
                refused(Config::new(), incoming).await,
                Some(CloseCode::INVALID),
                "{payload:x?}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_may_be_cut_anywhere_with_pings_between() {
    let (site, plain) = (Site::new(), json(120));
    let payload = deflated(&plain);
    for first in 0..=payload.len() {
        for second in first..=payload.len() {
            let incoming = [
                frame(TEXT & !FIN | RSV1, &payload[..first]),
                frame(PING, b"?"),
                frame(CONTINUATION, &payload[first..second]),
                frame(PING, b"?"),
                frame(FIN | CONTINUATION, &payload[second..]),
                frame(BINARY, b"plain"),
            ];
            let all = site.received(Config::new(), incoming.concat()).await;
            let [Ok(Message::Ping(_)), Ok(Message::Ping(_)), Ok(text), Ok(binary)] = &all[..]
            else {
                panic!("{all:?}")
            };
            assert_eq!(content(text.clone()), (true, plain.clone()), "cut at {first} and {second}");
            assert_eq!(content(binary.clone()), (false, b"plain".to_vec()));
        }
    }
}

#[tokio::test]
async fn a_mark_where_it_has_no_meaning_is_refused() {
    for incoming in [
        frame(PING | RSV1, b""),
        [frame(TEXT & !FIN, b"a"), frame(FIN | CONTINUATION | RSV1, b"b")].concat(),
        [frame(TEXT & !FIN | RSV1, b"a"), frame(FIN | CONTINUATION | RSV1, b"b")].concat(),
    ] {
        assert_eq!(refused(Config::new(), incoming).await, Some(CloseCode::PROTOCOL));
    }
    let pool = Pool::new(4 << 20).expect("a pool");
    let io = Faulty::new(frame(TEXT | RSV1, &deflated(b"nobody agreed to it"))).staying_open();
    let mut socket = WebSocket::new(io, Role::Server, &pool);
    let error = socket.recv().await.expect("an answer").expect_err("it was not agreed on");
    assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL));
    drop(socket);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn text_is_checked_as_it_comes_out() {
    let mut plain = json(40_000);
    // A character across what comes out at once.
    plain.splice((16 << 10) - 1..(16 << 10) + 1, "\u{20ac}".bytes());
    assert_eq!(only(frame(TEXT | RSV1, &deflated(&plain))).await, plain);
    for at in [0, (16 << 10) + 1, plain.len() - 1] {
        let mut broken = plain.clone();
        broken[at] = 0xe4;
        let incoming = frame(TEXT | RSV1, &deflated(&broken));
        assert_eq!(refused(Config::new(), incoming).await, Some(CloseCode::INVALID), "at {at}");
        assert_eq!(only(frame(BINARY | RSV1, &deflated(&broken))).await, broken);
    }
}

#[tokio::test]
async fn a_message_is_as_long_as_it_may_be_and_no_longer() {
    for len in [1, 1_000, 16 << 10, (16 << 10) + 1, 100_000] {
        let incoming = frame(BINARY | RSV1, &deflated(&json(len)));
        let received = received_with(Config::new().max_message_size(len), incoming.clone()).await;
        assert!(matches!(&received[..], [Ok(_)]), "{len}: {received:?}");
        assert_eq!(
            refused(Config::new().max_message_size(len - 1), incoming).await,
            Some(CloseCode::TOO_BIG),
            "{len}"
        );
    }
}

/// RFC 7692 §7.2.1 asks nobody to look whether it helps.
#[tokio::test]
async fn a_message_that_compression_makes_longer_is_as_long_as_it_is() {
    for len in [0, 10, 1_000, 100_000] {
        let mut plain = vec![0; len];
        rand::rng().fill_bytes(&mut plain);
        // Blocks of 200 bytes that are stored as they are (RFC 1951 §3.2.4), and the empty one at
        // the end, less its last four bytes.
        let mut payload = Vec::new();
        for piece in plain.chunks(200) {
            payload.push(0);
            payload.extend((piece.len() as u16).to_le_bytes());
            payload.extend((!(piece.len() as u16)).to_le_bytes());
            payload.extend(piece);
        }
        payload.push(0);
        let (first, second) = payload.split_at(payload.len() / 2);
        let parts = [frame(0x02 | RSV1, first), frame(FIN | CONTINUATION, second)].concat();
        for incoming in [frame(BINARY | RSV1, &payload), parts] {
            let received =
                received_with(Config::new().max_message_size(len), incoming.clone()).await;
            assert!(
                matches!(&received[..], [Ok(Message::Binary(heard))] if *heard == plain[..]),
                "{len}"
            );
            let shorter = Config::new().max_message_size(len.saturating_sub(1));
            assert!(
                len == 0 || refused(shorter, incoming).await == Some(CloseCode::TOO_BIG),
                "{len}"
            );
        }
    }
    // Nothing of what cannot fit is waited for.
    let announced = &frame(BINARY | RSV1, &[0; 2_000])[..8];
    assert_eq!(
        refused(Config::new().max_message_size(1_000), announced.to_vec()).await,
        Some(CloseCode::TOO_BIG)
    );
}

#[tokio::test]
async fn a_payload_that_ends_early_is_refused() {
    let payload = deflated(&json(300));
    for len in 1..payload.len() {
        let incoming = frame(TEXT | RSV1, &payload[..len]);
        assert_eq!(refused(Config::new(), incoming).await, Some(CloseCode::INVALID), "{len} bytes");
    }
}

#[tokio::test]
async fn a_bit_that_is_flipped_breaks_that_message_and_nothing_else() {
    let plain = json(300);
    let payload = deflated(&plain);
    let (site, mut refused, mut changed) = (Site::new(), 0, 0);
    for bit in 0..payload.len() * 8 {
        let mut broken = payload.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        let incoming = [frame(TEXT | RSV1, &broken), frame(TEXT | RSV1, &payload)].concat();
        match <[_; 2]>::try_from(site.received(Config::new(), incoming).await) {
            Ok([Ok(first), Ok(second)]) => {
                changed += usize::from(content(first).1 != plain);
                assert_eq!(content(second).1, plain, "bit {bit}");
            }
            Ok(other) => panic!("{other:?}"),
            Err(one) => match &one[..] {
                [Err(error)] => {
                    assert_eq!(error.close_code(), Some(CloseCode::INVALID), "bit {bit}: {error}");
                    refused += 1;
                }
                other => panic!("{other:?}"),
            },
        }
    }
    println!("{} bits: {refused} refused, {changed} changed", payload.len() * 8);
    assert!(refused > payload.len() * 2 && changed > 0);
}

#[test]
fn what_any_sender_compresses_comes_out_in_any_pieces() {
    let bytes = prop_oneof![
        vec(any::<u8>(), 0..3_000),
        vec(0..4u8, 0..100_000),
        (0..200_000usize).prop_map(json),
        (0..300_000usize).prop_map(|len| vec![7; len]),
    ];
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config =
        ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let seed = seed();
    proptest!(config, |(plain in bytes, level in 0..10u32, bits in 9..16u8, cuts in vec(any::<prop::sample::Index>(), 0..6))| {
        let payload = deflated_with(&plain, level, bits);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).chain([0, payload.len()]).collect();
        cuts.sort_unstable();
        let mut incoming = Vec::new();
        for (index, cut) in cuts.windows(2).enumerate() {
            let opcode = if index == 0 { BINARY & !FIN | RSV1 } else { CONTINUATION };
            let is_final = if index + 2 == cuts.len() { FIN } else { 0 };
            incoming.extend(frame(opcode | is_final, &payload[cut[0]..cut[1]]));
        }
        runtime.block_on(async {
            let pool = Pool::new(16 << 20).expect("a pool");
            let deflate = one_of_each(&pool);
            let io = Faulty::random(incoming, seed).staying_open();
            let agreement = crate::ws_deflate::wire::agreement(&deflate, "permessage-deflate");
            let mut socket = WebSocket::new(io, Role::Server, &pool).with_deflate(agreement);
            let message = socket.recv().await.expect("a message").expect("it is whole");
            assert!(content(message).1 == plain);
            drop((socket, deflate));
            assert_eq!(pool.leased(), 0);
        });
    });
}
