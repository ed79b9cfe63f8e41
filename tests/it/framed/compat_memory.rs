//! What the compatible framed transport is charged for, and what it does at a limit.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use leasehold::{Account, LeaseError, Pool, codec::compat::Framed};
use tokio::{io::AsyncWriteExt, time::Instant};
use tokio_util::codec::{BytesCodec, Decoder, LengthDelimitedCodec, LinesCodec};

use crate::framed::{
    rivals::Sender,
    transport::{Faulty, once, pattern, sockets::tcp_pair},
};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

fn framed(io: Faulty, pool: &Account) -> Framed<Faulty, LengthDelimitedCodec> {
    Framed::new(io, LengthDelimitedCodec::new()).charge_to(pool)
}

fn payload(len: usize) -> Bytes {
    Bytes::from(pattern(len))
}

fn wire(lens: &[usize]) -> Vec<u8> {
    lens.iter().flat_map(|&len| [&(len as u32).to_be_bytes()[..], &pattern(len)].concat()).collect()
}

fn lease_error(error: &io::Error) -> &LeaseError {
    error.get_ref().and_then(|error| error.downcast_ref()).expect("the error of a lease")
}

/// What is charged is at least what the buffers of `framed` have.
fn assert_charged<T, U>(pool: &Pool, account: &Account, framed: &Framed<T, U>) {
    let held = framed.read_buffer().capacity() + framed.write_buffer().capacity();
    assert!(account.leased() >= held, "{held} bytes are held, {} charged", account.leased());
    assert_eq!(account.leased(), pool.stats().reserved);
}

#[tokio::test]
async fn nothing_is_charged_between_operations() {
    let pool = pool();
    for cut in [1, 100, usize::MAX] {
        let mut framed = framed(Faulty::new([]).staying_open().cut(cut), &pool);
        for len in [0, 1, 5_000, 300_000] {
            assert!(once(framed.next()).await.is_pending());
            assert_eq!((pool.leased(), framed.read_buffer().capacity()), (0, 0));
            framed.get_mut().feed(&wire(&[len, 3]));
            let frame = framed.next().await.unwrap().unwrap();
            assert_eq!(framed.next().await.unwrap().unwrap(), &b"\0\x01\x02"[..]);
            framed.send(frame.freeze()).await.unwrap();
            assert_eq!((pool.leased(), framed.write_buffer().capacity()), (0, 0));
            assert!(Sender::<Bytes>::ready(&mut framed).is_ready());
            assert!(Sender::<Bytes>::flush_once(&mut framed).is_ready());
            assert_eq!(pool.leased(), 0);
        }
        SinkExt::<Bytes>::close(&mut framed).await.unwrap();
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn what_is_buffered_is_charged() {
    let pool = pool();
    for len in [1, 5_000, 9_000, 50_000, 300_000] {
        for cut in [700, 10_000, usize::MAX] {
            let whole = wire(&[3, len]);
            let mut framed = framed(
                Faulty::new(&whole[..whole.len() - 1]).staying_open().cut(cut).pending(),
                &pool,
            );
            loop {
                let is_pending = once(framed.next()).await.is_pending();
                assert_charged(&pool, &pool, &framed);
                if is_pending && framed.get_ref().unread().is_empty() {
                    break;
                }
            }
            assert_eq!(framed.read_buffer().len(), len - 1);
            assert!(
                pool.leased() <= 8 * KIB + 8 * len,
                "{len} bytes are charged as {}",
                pool.leased()
            );
            framed.get_mut().feed(&whole[whole.len() - 1..]);
            assert_eq!(framed.next().await.unwrap().unwrap(), pattern(len));
            assert_eq!(pool.leased(), 0);
            framed.set_backpressure_boundary(usize::MAX);
            for _ in 0..5 {
                framed.feed(payload(len)).await.unwrap();
                assert_charged(&pool, &pool, &framed);
                assert!(pool.leased() >= framed.write_buffer().len());
            }
            SinkExt::<Bytes>::flush(&mut framed).await.unwrap();
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn a_socket_that_waits_for_the_rest_of_a_frame_is_charged_for_what_its_codec_reserved() {
    let pool = pool();
    for len in [10_000, 50_000, 60_000, 500_000] {
        let (near, mut far) = tcp_pair().await;
        let mut framed = Framed::new(near, LengthDelimitedCodec::new()).charge_to(&pool);
        far.write_all(&wire(&[len])[..8_100]).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(30), framed.next()).await;
        assert!(waited.is_err() && framed.read_buffer().len() == 8_096);
        assert_charged(&pool, &pool, &framed);
        far.write_all(&wire(&[len])[8_100..]).await.unwrap();
        assert_eq!(framed.next().await.unwrap().unwrap(), pattern(len));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn few_bytes_in_a_large_buffer_move_to_a_small_one_and_frames_stay_as_they_are() {
    let pool = pool();
    let mut whole = wire(&[200_000, 10]);
    whole.truncate(whole.len() - 5);
    let mut framed = framed(Faulty::new(whole).staying_open(), &pool);
    let frame = framed.next().await.unwrap().unwrap();
    assert!(once(framed.next()).await.is_pending());
    assert_eq!(framed.read_buffer(), &pattern(5)[..]);
    assert!(framed.read_buffer().capacity() <= 8 * KIB);
    assert!(pool.leased() <= 8 * KIB, "{} bytes are charged", pool.leased());
    framed.get_mut().feed(&pattern(10)[5..]);
    let next = framed.next().await.unwrap().unwrap();
    assert!(frame == pattern(200_000) && next == pattern(10));
    drop(framed);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_error_holds_nothing() {
    let pool = pool();
    let mut stream = framed(Faulty::new([]), &pool);
    for _ in 0..2 {
        assert!(stream.send(payload((8 << 20) + 1)).await.is_err());
        assert_eq!((pool.leased(), stream.write_buffer().capacity()), (0, 0));
    }
    for call in 0..3 {
        let mut stream = framed(Faulty::new(wire(&[3, 3])).cut(7).failing_at(call), &pool);
        while stream.next().await.is_some_and(|frame| frame.is_ok()) {}
        assert_eq!(pool.leased(), 0);
    }
}

// ---- limits -------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_frame_over_the_limit_is_an_error_at_once_and_is_given_back() {
    let pool = pool();
    let account = pool.account("connection", 64 * KIB);
    let begun = Instant::now();
    for len in [70_000, 100_000, 3 << 20] {
        for cut in [1_000, 10_000, usize::MAX] {
            let mut stream = framed(Faulty::new(wire(&[5, len])).cut(cut), &account);
            assert_eq!(stream.next().await.unwrap().unwrap().len(), 5);
            let Some(Err(error)) = stream.next().await else {
                panic!("{len} bytes are over the limit")
            };
            assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
            assert!(lease_error(&error).is_too_large(), "{error}");
            assert!(stream.next().await.is_none());
            assert_charged(&pool, &account, &stream);
            drop(stream);
            assert_eq!(pool.leased(), 0);
        }
        // Without an announced length.
        let mut lines = Framed::new(Faulty::new(vec![b'x'; len]).cut(3_000), LinesCodec::new())
            .charge_to(&account);
        let error: io::Error = match lines.next().await.unwrap().unwrap_err() {
            tokio_util::codec::LinesCodecError::Io(error) => error,
            other => panic!("{other}"),
        };
        assert!(lease_error(&error).is_too_large(), "{error}");
        drop(lines);
        // What is sent is all there, or not at all.
        let mut sink = framed(Faulty::new([]), &account);
        sink.feed(payload(10)).await.unwrap();
        let error = sink.feed(payload(len)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        assert_charged(&pool, &account, &sink);
        sink.send(payload(20)).await.unwrap();
        assert!(sink.get_ref().sent() == wire(&[10, 20]), "half of what was refused is sent");
        assert_eq!(pool.leased(), 0);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_room_in_its_account_and_goes_on() {
    let pool = pool();
    let account = pool.account("tenant", 64 * KIB);
    let lens = [5, 9_000, 0, 30_000, 1, 20_000];
    let held = account.try_reserve(60 * KIB).unwrap();
    for cut in [1_000, 8_192, usize::MAX] {
        let mut stream = framed(Faulty::new(wire(&lens)).cut(cut), &account);
        assert!(once(stream.next()).await.is_pending());
        assert_eq!((account.leased(), stream.read_buffer().capacity()), (60 * KIB, 0));
        drop(stream);
        assert_eq!(pool.stats().waiting, 0);
    }
    let mut held = Some(held);
    let mut stream = framed(Faulty::new(wire(&lens)).cut(5_000).pending(), &account);
    let reading = async {
        let mut got = Vec::new();
        while let Some(frame) = stream.next().await {
            got.push(frame.unwrap().len());
        }
        got
    };
    let (got, ()) = tokio::join!(reading, async {
        for left in [50, 40, 20, 0] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            held.as_mut().unwrap().shrink_to(left * KIB);
        }
        held = None;
    });
    assert_eq!(got, lens);
    assert!(account.peak() <= 64 * KIB);
    drop(stream);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_growing_buffer_waits_for_all_that_it_grows_by() {
    let pool = pool();
    let account = pool.account("tenant", 64 * KIB);
    // Doubled, the buffer does not fit beside this.
    let mut held = account.try_reserve(50 * KIB).unwrap();
    let line =
        [&pattern(20_000).iter().map(|byte| byte % 10 + b'a').collect::<Vec<_>>()[..], b"\n"]
            .concat();
    let mut lines =
        Framed::new(Faulty::new(line.clone()).cut(3_000), LinesCodec::new()).charge_to(&account);
    let (got, ()) = tokio::join!(lines.next(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        held.shrink_to(20 * KIB);
    });
    assert_eq!(got.unwrap().unwrap().as_bytes(), &line[..20_000]);
    drop((lines, held));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_sent_first_when_memory_is_short() {
    let pool = pool();
    let account = pool.account("connection", 16 * KIB);
    let begun = Instant::now();
    let mut sink = framed(Faulty::new([]).pending(), &account);
    sink.set_backpressure_boundary(usize::MAX);
    let lens = [4_000, 4_092].repeat(50);
    for &len in &lens {
        sink.feed(payload(len)).await.unwrap();
        assert_charged(&pool, &account, &sink);
    }
    SinkExt::<Bytes>::flush(&mut sink).await.unwrap();
    assert!(sink.get_ref().sent() == wire(&lens));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sink_waits_for_room_and_gives_its_place_up_when_it_is_flushed() {
    let pool = pool();
    let account = pool.account("tenant", 64 * KIB);
    let mut held = account.try_reserve(60 * KIB).unwrap();
    let mut sink = framed(Faulty::new([]), &account);
    assert!(once(sink.send(payload(3))).await.is_pending());
    assert_eq!(pool.stats().waiting, 1);
    SinkExt::<Bytes>::flush(&mut sink).await.unwrap();
    assert_eq!(pool.stats().waiting, 0, "the item was given up");
    let (sent, ()) = tokio::join!(sink.send(payload(5)), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.shrink_to(0);
    });
    sent.unwrap();
    assert_eq!((sink.get_ref().sent(), pool.leased()), (&wire(&[5])[..], 0));
}

#[tokio::test(start_paused = true)]
async fn a_small_account_moves_any_amount() {
    let pool = pool();
    let account = pool.account("connection", 32 * KIB);
    let (near, far) = tokio::io::duplex(3_000);
    let mut near = Framed::new(near, BytesCodec::new()).charge_to(&account);
    let mut far = Framed::new(far, BytesCodec::new()).charge_to(&account);
    let sent = pattern(500_000);
    let (got, ()) = tokio::join!(
        async {
            let mut got = Vec::new();
            while let Some(bytes) = far.next().await {
                got.extend_from_slice(&bytes.unwrap());
                tokio::task::yield_now().await;
            }
            got
        },
        async {
            for piece in sent.chunks(1_111) {
                near.send(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            SinkExt::<Bytes>::close(&mut near).await.unwrap();
        }
    );
    assert!(got == sent);
    drop((near, far));
    assert_eq!((account.leased(), pool.leased()), (0, 0));
}

/// A codec that reserves far more than it is sent, and takes nothing.
struct Greedy;

impl Decoder for Greedy {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        src.reserve(40 * KIB);
        Ok(None)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_codec_reserves_is_charged_or_let_go_before_a_wait() {
    let pool = pool();
    let account = pool.account("connection", 32 * KIB);
    let io = Faulty::new(pattern(7_000)).staying_open();
    let mut stream = Framed::new(io, Greedy).charge_to(&account);
    for _ in 0..3 {
        let polled = once(stream.next()).await;
        assert_charged(&pool, &account, &stream);
        assert!(polled.is_pending() || stream.read_buffer().len() == 7_000);
    }
    drop(stream);
    assert_eq!(pool.leased(), 0);
}
