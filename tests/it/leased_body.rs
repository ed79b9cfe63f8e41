//! Bodies as chains that come one by one: pieces, trailers, short memory, and real hyper on both
//! ends.

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap,
    body::{Body, Bytes, SizeHint},
};
use leasehold::{BlockMut, Chain, LeaseError, Pool, http::LeasedBody};
use tokio::time::timeout;

use crate::support::bodies;
use bodies::{Scripted, Step, pattern};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

/// Blocks until the account has none left.
fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

#[tokio::test]
async fn each_frame_is_a_chain_and_holds_what_fits_it() {
    let pool = pool();
    for (frame, holds) in [
        (1, KIB),
        (5, KIB),
        (KIB, KIB),
        (8 * KIB, 8 * KIB),
        (16_393, 20 * KIB),
        (64 * KIB, 64 * KIB),
    ] {
        let body = Scripted::stuttering(3 * frame, frame);
        let held = Arc::clone(&body.held);
        let mut body = LeasedBody::new(body, &pool);
        for bytes in pattern(3 * frame).chunks(frame) {
            let chain = body.next_chain().await.expect("a frame").expect("no error");
            assert!(chain == bytes[..]);
            assert_eq!(pool.leased(), holds, "for {frame} bytes");
            assert_eq!(held.now(), 0, "the frame is dropped");
        }
        assert!(body.next_chain().await.is_none());
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_large_frame_comes_in_pieces_and_is_dropped_with_the_last() {
    let pool = pool();
    let body = Scripted::stuttering(900_000, 400_000).sized();
    let held = Arc::clone(&body.held);
    let mut body = LeasedBody::new(body, &pool);
    let mut received = Vec::new();
    while let Some(chain) = body.next_chain().await {
        let chain = chain.expect("no error");
        assert!(pool.leased() <= 64 * KIB, "{} bytes are leased for a piece", pool.leased());
        received.extend(chain.to_vec());
        let is_frame_left = !received.len().is_multiple_of(400_000) && received.len() < 900_000;
        assert_eq!(held.now(), usize::from(is_frame_left), "after {} bytes", received.len());
        assert_eq!(
            body.size_hint().exact(),
            Some(900_000 - received.len() as u64),
            "what is held is still to come"
        );
    }
    assert!(received == pattern(900_000) && held.most() == 1);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn trailers_come_last_and_empty_frames_not_at_all() {
    let pool = pool();
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1234".parse().expect("a value"));
    let body = || {
        let data = [
            Step::Data(Vec::new()),
            Step::Data(b"hello".to_vec()),
            Step::Pending,
            Step::Data(Vec::new()),
        ];
        Scripted::new(data.into_iter().chain([Step::Trailers(trailers.clone())]))
    };
    let mut framed = LeasedBody::new(body(), &pool);
    let data = framed.frame().await.expect("a frame").expect("no error").into_data().expect("data");
    assert_eq!(data, *b"hello");
    assert!(!framed.is_end_stream());
    let last = framed
        .frame()
        .await
        .expect("a frame")
        .expect("no error")
        .into_trailers()
        .expect("trailers");
    assert_eq!(last, trailers);
    assert!(framed.frame().await.is_none() && framed.is_end_stream());

    let mut chained = LeasedBody::new(body(), &pool);
    assert_eq!(chained.next_chain().await.expect("a chain").expect("no error"), *b"hello");
    assert!(chained.next_chain().await.is_none(), "trailers are no chain");
    drop(data);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn length_and_end_are_those_of_the_body() {
    let pool = pool();
    let empty = LeasedBody::new(Empty::<Bytes>::new(), &pool);
    assert!(empty.is_end_stream() && empty.size_hint().exact() == Some(0));
    let said = LeasedBody::new(Scripted::stuttering(10, 10).saying(3, None), &pool);
    assert_eq!(
        (said.size_hint().lower(), said.size_hint().upper(), said.is_end_stream()),
        (3, None, false)
    );
    let mut most = SizeHint::new();
    most.set_lower(u64::MAX);
    let vast =
        LeasedBody::new(Scripted::stuttering(10, 10).saying(u64::MAX, Some(u64::MAX)), &pool);
    assert_eq!(vast.size_hint().lower(), most.lower());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_failed_body_says_so() {
    let pool = pool();
    let mut body = LeasedBody::new(Scripted::new([Step::Data(pattern(10)), Step::Fail]), &pool);
    assert_eq!(body.next_chain().await.expect("a chain").expect("no error").len(), 10);
    let error = body.next_chain().await.expect("not the end").expect_err("it fails");
    assert!(error.is_body() && !error.is_lease(), "{error}");
    assert_eq!(error.source().expect("the body's error").to_string(), "the client went away");
    assert_eq!(pool.leased(), 0);
}

// ---- short memory -------------------------------------------------------------------------------

#[tokio::test]
async fn nothing_is_leased_until_a_frame_is_there() {
    let pool = pool();
    let mut body = LeasedBody::new(
        Scripted::new([Step::Pending, Step::Data(pattern(10)), Step::Pending]),
        &pool,
    );
    assert!(tokio_test::task::spawn(body.next_chain()).poll().is_pending());
    assert_eq!(pool.leased(), 0);
    drop(body.next_chain().await.expect("a chain"));
    assert!(tokio_test::task::spawn(body.next_chain()).poll().is_pending());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_passes_through_an_account_of_any_size_if_each_chain_is_let_go_of() {
    let pool = pool();
    for limit in [KIB, 5 * KIB, 63 * KIB, 64 * KIB] {
        let account = pool.account("upload", limit);
        for frame in [100, 8 * KIB, 300_000] {
            let mut body = LeasedBody::new(Scripted::stuttering(300_000, frame), &account);
            let mut received = Vec::new();
            while let Some(chain) = body.next_chain().await {
                received.extend(chain.expect("room").to_vec());
            }
            assert!(received == pattern(300_000), "in frames of {frame} through {limit}");
            assert!(account.peak() <= limit);
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_memory_that_fails_or_is_cancelled_loses_nothing() {
    let pool = pool();
    let account = pool.account("upload", 64 * KIB);
    let mut body = LeasedBody::new(Scripted::stuttering(100_000, 100_000), &account);
    let first = body.next_chain().await.expect("a chain").expect("room");

    let error = body.next_chain().await.expect("not the end").expect_err("the first chain has all");
    assert!(error.is_lease(), "{error}");
    let lease: &LeaseError =
        error.source().and_then(<dyn Error>::downcast_ref).expect("the source is the lease error");
    assert!(lease.is_deadline_passed());

    assert!(tokio_test::task::spawn(body.next_chain()).poll().is_pending());
    assert_eq!(pool.stats().waiting, 1, "a cancelled wait keeps its place");
    let mut received = first.to_vec();
    drop(first);
    received.extend(body.next_chain().await.expect("a chain").expect("room").to_vec());
    assert!(received == pattern(100_000));
    assert!(body.next_chain().await.is_none());
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test]
async fn cancelled_at_any_poll_it_loses_nothing_and_dropped_it_leaves_nothing_behind() {
    let pool = Pool::builder()
        .budget(256 * KIB)
        .classes([KIB, 4 * KIB, 20 * KIB])
        .build()
        .expect("a small pool");
    for is_dropped_at in 0..200 {
        let mut blocks = lease_all(&pool, 1);
        let inner = Scripted::stuttering(100_000, 9_000);
        let held = Arc::clone(&inner.held);
        let mut body = LeasedBody::new(inner, &pool);
        let mut received = Chain::new();
        for at in 0.. {
            if at == is_dropped_at {
                break;
            }
            blocks.truncate(blocks.len().saturating_sub(7));
            let polled = tokio_test::task::spawn(body.next_chain()).poll();
            match polled {
                std::task::Poll::Pending => {}
                std::task::Poll::Ready(Some(chain)) => received.append(chain.expect("room")),
                std::task::Poll::Ready(None) => {
                    assert!(received == pattern(100_000)[..]);
                    break;
                }
            }
        }
        drop((body, blocks, received));
        assert_eq!(
            (pool.leased(), held.now(), pool.stats().waiting),
            (0, 0, 0),
            "dropped at {is_dropped_at}"
        );
    }
}

/// A reader that is slower than the pool waits for memory is no lack of memory.
#[tokio::test(start_paused = true)]
async fn with_max_ahead_a_slow_reader_is_waited_for() {
    for (ahead, holds) in [(0, KIB), (KIB, KIB), (32 * KIB, 32 * KIB), (64 * KIB, 64 * KIB)] {
        let pool = pool();
        let body = Scripted::stuttering(200_000, 20_000).sized();
        let mut body = LeasedBody::new(body, &pool).max_ahead(ahead);
        let mut received = Vec::new();
        let mut held = std::collections::VecDeque::new();
        while received.len() < 200_000 {
            match timeout(Duration::from_secs(600), body.next_chain()).await {
                Ok(chain) => {
                    let chain = chain.expect("a frame").expect("a wait for the reader");
                    received.extend(chain.to_vec());
                    held.push_back(chain);
                }
                Err(_) => drop(held.pop_front().expect("a wait for nothing")),
            }
            assert!(pool.leased() <= holds, "{} of {holds} are leased", pool.leased());
        }
        assert!(received == pattern(200_000));
        // No frame is cut for the room that is left, so the last part of it may stay free.
        assert!(pool.stats().peak > holds / 2, "at most {} were out", pool.stats().peak);
        drop((held, body));
        assert_eq!(pool.leased(), 0);
    }
}

/// A lack of memory still has the pool's deadline.
#[tokio::test(start_paused = true)]
async fn with_max_ahead_a_lack_of_memory_is_an_error() {
    let pool = Pool::builder().budget(1 << 20).max_wait(Duration::from_secs(1)).build();
    let pool = pool.expect("a valid pool");
    let mut body = LeasedBody::new(Scripted::stuttering(3 * KIB, KIB), &pool).max_ahead(KIB);
    let others = lease_all(&pool, KIB);
    let next = timeout(Duration::from_secs(60), body.next_chain()).await.expect("a deadline");
    assert!(next.expect("no end").expect_err("there is no memory").is_lease());
    drop(others);
    assert_eq!(body.next_chain().await.expect("a frame").expect("memory").len(), KIB);
    drop(body);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn as_bytes_each_block_is_a_frame_and_the_length_stays() {
    let pool = pool();
    let body = Scripted::stuttering(300_000, 100_000).sized();
    let body = LeasedBody::new(body, &pool).max_ahead(64 * KIB).into_bytes_body();
    let mut body = std::pin::pin!(body);
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        let bytes = frame.expect("no error").into_data().expect("data");
        received.extend_from_slice(&bytes);
        assert!(pool.leased() <= 64 * KIB);
        assert_eq!(body.size_hint().exact(), Some(300_000 - received.len() as u64));
    }
    assert!(body.is_end_stream() && received == pattern(300_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn as_bytes_trailers_come_last() {
    let pool = pool();
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1234".parse().expect("a value"));
    let body = Scripted::new([Step::Data(pattern(10)), Step::Trailers(trailers.clone())]);
    let body = LeasedBody::new(body, &pool).into_bytes_body();
    let collected = std::pin::pin!(body).collect().await.expect("no error");
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), pattern(10));
    assert_eq!(pool.leased(), 0);
}
