//! What a framed transport leases, and what it does when there is nothing to lease.

use std::{io::ErrorKind, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Account, BlockMut, Chain, LeaseError, Pool,
    codec::{ChainCodec, Framed, FramedRead, FramedWrite, LengthDelimitedCodec, LinesCodec},
};
use tokio::time::Instant;

use crate::framed::{
    rivals::Sender,
    roomy::Roomy,
    transport::{Faulty, once, pattern, sockets::tcp_pair},
};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// A pool of sixteen blocks, and all of them.
fn exhausted() -> (Pool, Vec<BlockMut>) {
    let pool = Pool::builder().budget(64 * KIB).classes([4 * KIB]).build().unwrap();
    let held = (0..16).map(|_| pool.try_lease(1).unwrap()).collect();
    (pool, held)
}

fn framed(io: Faulty, pool: &Account) -> Framed<Faulty, LengthDelimitedCodec> {
    Framed::new(io, LengthDelimitedCodec::new(), pool)
}

fn payload(len: usize) -> Bytes {
    Bytes::from(pattern(len))
}

fn wire(lens: &[usize]) -> Vec<u8> {
    lens.iter().flat_map(|&len| [&(len as u32).to_be_bytes()[..], &pattern(len)].concat()).collect()
}

fn lease_error(error: &std::io::Error) -> &LeaseError {
    error.get_ref().and_then(|error| error.downcast_ref()).expect("the error of a lease")
}

// ---- nothing is held while nothing is done ------------------------------------------------------

#[tokio::test]
async fn nothing_is_held_between_operations() {
    let pool = pool();
    for cut in [1, 100, usize::MAX] {
        let mut framed = framed(Faulty::new([]).staying_open().cut(cut), &pool);
        for len in [0, 1, 5_000, 300_000] {
            assert!(once(framed.next()).await.is_pending());
            assert_eq!(pool.leased(), 0);
            framed.get_mut().feed(&wire(&[len, 3]));
            let frame = framed.next().await.unwrap().unwrap();
            assert_eq!(framed.next().await.unwrap().unwrap(), *b"\0\x01\x02");
            assert_eq!(frame.len(), len);
            framed.send(frame).await.unwrap();
            assert_eq!(pool.leased(), 0, "after {len} bytes");
            framed.feed(payload(len)).await.unwrap();
            SinkExt::<Bytes>::flush(&mut framed).await.unwrap();
            assert_eq!(pool.leased(), 0);
            assert!(
                Sender::<Bytes>::ready(&mut framed).is_ready()
                    && Sender::<Bytes>::flush_once(&mut framed).is_ready()
            );
            assert_eq!(pool.leased(), 0);
        }
        SinkExt::<Bytes>::close(&mut framed).await.unwrap();
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn an_error_holds_nothing() {
    let pool = pool();
    // A length over the limit.
    let mut stream = framed(Faulty::new(b"\xff\xff\xff\xff".to_vec()), &pool);
    assert!(stream.next().await.unwrap().is_err());
    assert!(stream.next().await.is_none());
    stream.read_buffer_mut().clear();
    assert!(stream.next().await.is_none());
    assert_eq!(pool.leased(), 0);
    // A transport that fails, to be read and to be written.
    for call in 0..3 {
        let mut stream = framed(Faulty::new(wire(&[3, 3])).cut(7).failing_at(call), &pool);
        while stream.next().await.is_some_and(|frame| frame.is_ok()) {}
        assert!(call == 2 || stream.get_ref().has_failed());
        assert_eq!(pool.leased(), 0);
        let mut sink = framed(Faulty::new([]).failing_at(call), &pool);
        while sink.send(payload(2_000)).await.is_ok() {}
        SinkExt::<Bytes>::flush(&mut sink).await.unwrap();
        assert_eq!(pool.leased(), 0);
    }
    // An item that cannot be encoded, with nothing else and behind others.
    let mut sink = FramedWrite::new(Faulty::new([]), LengthDelimitedCodec::new(), &pool);
    for _ in 0..2 {
        let error = sink.send(payload((8 << 20) + 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(pool.leased(), 0);
    }
    sink.send(payload(3)).await.unwrap();
    assert_eq!((sink.get_ref().sent(), pool.leased()), (&wire(&[3])[..], 0));
}

#[tokio::test]
async fn a_partial_frame_pins_little_more_than_itself() {
    let pool = pool();
    for (len, most) in [(1, 4), (3, 4), (500, 4), (5_000, 64), (60_000, 128), (500_000, 640)] {
        for is_vectored in [false, true] {
            let (near, far) = tcp_pair().await;
            let mut stream = Framed::new(near, LengthDelimitedCodec::new(), &pool);
            let mut far = far;
            let whole = wire(&[2_000, len + 10]);
            let sent = tokio::io::AsyncWriteExt::write_all(&mut far, &whole[..whole.len() - 10]);
            let (first, sent) = tokio::join!(stream.next(), sent);
            sent.unwrap();
            assert_eq!(first.unwrap().unwrap().len(), 2_000);
            let waited = tokio::time::timeout(Duration::from_millis(20), stream.next()).await;
            assert!(waited.is_err(), "it is not complete");
            assert_eq!(stream.read_buffer().len(), len);
            assert!(pool.leased() <= most * KIB, "{len} bytes pin {}", pool.leased());
            if is_vectored {
                drop(far);
                assert_eq!(
                    stream.next().await.unwrap().unwrap_err().to_string(),
                    "bytes remaining on stream"
                );
            }
            drop(stream);
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn a_small_frame_that_is_kept_does_not_pin_a_large_block() {
    let pool = pool();
    let mut lens = vec![60_000, 200_000];
    lens.extend([10; 100]);
    let mut stream = framed(Faulty::new(wire(&lens)), &pool);
    let mut kept = Vec::new();
    for len in lens {
        let frame = stream.next().await.unwrap().unwrap();
        assert_eq!(frame.len(), len);
        if len == 10 {
            kept.push(frame);
        }
    }
    assert!(stream.next().await.is_none());
    assert!(pool.leased() <= 100 * 4 * KIB);
    let pinned = pool.leased() / kept.len();
    assert!(pinned <= 4 * KIB, "a frame of 10 bytes pins {pinned}");
    assert!(kept.iter().all(|frame| *frame == pattern(10)[..]));
    drop((stream, kept));
    assert_eq!(pool.leased(), 0);
}

// ---- memory is short ----------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_sink_waits_for_memory_and_goes_on() {
    let (pool, mut held) = exhausted();
    let mut sink = Framed::new(Faulty::new([]), Roomy::new(), &pool);
    for _ in 0..3 {
        assert!(once(sink.send(payload(3))).await.is_pending());
        assert_eq!(pool.stats().waiting, 1);
    }
    let (sent, ()) = tokio::join!(sink.send(payload(5)), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.pop();
    });
    sent.unwrap();
    assert_eq!((sink.get_ref().sent(), pool.stats().waiting), (&wire(&[5])[..], 0));
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_waits_too_long_says_so_and_can_go_on() {
    let (pool, held) = exhausted();
    let mut sink = Framed::new(Faulty::new([]), Roomy::new(), &pool);
    let error = sink.send(payload(3)).await.unwrap_err();
    assert!(
        lease_error(&error).is_deadline_passed() && error.kind() == ErrorKind::TimedOut,
        "{error}"
    );
    drop(held);
    sink.send(payload(5)).await.unwrap();
    assert_eq!((sink.get_ref().sent(), pool.leased()), (&wire(&[5])[..], 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_flushes_waits_for_no_item_any_more() {
    let (pool, mut held) = exhausted();
    let mut sink = Framed::new(Faulty::new([]), Roomy::new(), &pool);
    assert!(once(sink.send(payload(3))).await.is_pending());
    assert_eq!(pool.stats().waiting, 1);
    SinkExt::<Bytes>::flush(&mut sink).await.unwrap();
    assert_eq!(pool.stats().waiting, 0, "the item was given up");
    held.pop();
    assert_eq!(pool.leased(), 15 * 4 * KIB);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_sent_first_when_memory_is_short() {
    let (pool, mut held) = exhausted();
    held.pop();
    let begun = Instant::now();
    let mut sink = Framed::new(Faulty::new([]).pending(), Roomy::new(), &pool);
    sink.set_backpressure_boundary(usize::MAX);
    // All the memory there is for heads is in the queue of this sink, again and again.
    for _ in 0..100 {
        sink.feed(payload(600)).await.unwrap();
        sink.feed(payload(300)).await.unwrap();
    }
    SinkExt::<Bytes>::flush(&mut sink).await.unwrap();
    assert_eq!(sink.get_ref().sent(), wire(&[600, 300].repeat(100)));
    assert_eq!((begun.elapsed(), pool.stats().waits), (Duration::ZERO, 0));
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_can_never_be_held_is_an_error_at_once() {
    let pool = pool();
    let account = pool.account("connection", 64 * KIB);
    let begun = Instant::now();
    for len in [64 * KIB, 100_000, 2 << 20] {
        let mut stream = framed(Faulty::new(wire(&[5, len])), &account);
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 5);
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(
            lease_error(&error).is_too_large() && error.kind() == ErrorKind::OutOfMemory,
            "{error}"
        );
        assert!(stream.next().await.is_none());
        drop(stream);
        assert_eq!(pool.leased(), 0);
        // Copied to be sent.
        let mut sink = framed(Faulty::new([]), &account);
        let error = sink.send(&pattern(len)[..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        assert_eq!(pool.leased(), 0);
        // Linked, it needs no room.
        sink.send(payload(len)).await.unwrap();
        assert!(sink.get_ref().sent() == wire(&[len]));
        assert_eq!(pool.leased(), 0);
    }
    let mut lines = Framed::new(Faulty::new([]), LinesCodec::new(), &account);
    assert!(lines.send("x".repeat(100_000)).await.unwrap_err().is_io());
    assert_eq!((begun.elapsed(), pool.leased()), (Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn reading_waits_for_memory_and_loses_nothing() {
    let (pool, mut held) = exhausted();
    let lens = [5, 9_000, 0, 30_000, 1];
    let mut stream = FramedRead::new(
        Faulty::new(wire(&lens)).cut(2_500).pending(),
        LengthDelimitedCodec::new(),
        &pool,
    );
    let reading = async {
        let mut frames = Vec::new();
        while let Some(frame) = stream.next().await {
            frames.push(frame.unwrap());
        }
        frames
    };
    let (frames, ()) = tokio::join!(reading, async {
        while held.pop().is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert!(pool.stats().waits > 0);
    assert_eq!(frames.iter().map(Chain::len).collect::<Vec<_>>(), lens);
    drop((frames, stream));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_small_account_moves_any_amount() {
    let pool = pool();
    let account = pool.account("connection", 12 * KIB);
    let (near, far) = tokio::io::duplex(3_000);
    let mut near = Framed::new(near, ChainCodec::new(), &account);
    let mut far = Framed::new(far, ChainCodec::new(), &account);
    let sent = pattern(500_000);
    let (got, ()) = tokio::join!(
        async {
            let mut got = Vec::new();
            while let Some(chain) = far.next().await {
                got.extend_from_slice(&chain.unwrap().to_vec());
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
    assert!(account.peak() <= 12 * KIB);
    drop((near, far));
    assert_eq!((account.leased(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn a_frame_that_holds_all_that_its_account_may_have_is_sent_on() {
    let (pool, mut held) = exhausted();
    held.truncate(12); // four blocks are free
    let mut framed = framed(Faulty::new(wire(&[16_000])), &pool);
    let frame = framed.next().await.unwrap().unwrap();
    assert_eq!(pool.leased(), pool.budget());
    let begun = Instant::now();
    framed.send(frame).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(framed.get_ref().sent(), wire(&[16_000]));
    drop((framed, held));
    assert_eq!(pool.leased(), 0);
}
