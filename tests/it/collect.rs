//! Bodies collected into chains: whatever their pieces and whatever they say of their length, no
//! more is held than arrived asks for.

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::{Empty, Full, Limited};
use hyper::{HeaderMap, body::Bytes};
use leasehold::{
    BlockMut, LeaseError, Pool,
    http::{CollectError, collect},
};

use crate::support::bodies;
use bodies::{Scripted, Step, pattern};

const KIB: usize = 1 << 10;
const NO_LIMIT: usize = usize::MAX;

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

/// Blocks until the account has none left.
fn lease_all(pool: &Pool, len: usize) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(len).ok()).collect()
}

fn lease_error(error: &CollectError) -> &LeaseError {
    error.source().and_then(<dyn Error>::downcast_ref).expect("the source is the lease error")
}

#[tokio::test]
async fn a_body_is_what_was_sent_whatever_its_pieces() {
    let pool = pool();
    let borders = [1, KIB, 4 * KIB, 20 * KIB, 64 * KIB, 128 * KIB, 256 * KIB];
    for len in borders.into_iter().flat_map(|len| [len - 1, len, len + 1]) {
        for frame in [1, 700, 1024, 8 * KIB, 64 * KIB, 100_000, 500_000] {
            if len / frame > 2000 {
                continue;
            }
            for body in [Scripted::stuttering(len, frame), Scripted::stuttering(len, frame).sized()]
            {
                let held = Arc::clone(&body.held);
                let chain = collect(body, &pool, len).await.expect("a whole body");
                assert!(chain == pattern(len)[..], "{len} bytes in frames of {frame}");
                assert!(
                    held.most() <= 1 && held.now() == 0,
                    "each frame is dropped before the next one is read"
                );
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_collected_chain_uses_half_of_its_blocks_or_more() {
    let pool = pool();
    for len in [0, 1, 5, 512, 513, 2000, 4097, 20_481, 65_537, 70_000, 131_073, 1_000_000] {
        for frame in [100, 8 * KIB, 400_000] {
            for body in [Scripted::stuttering(len, frame), Scripted::stuttering(len, frame).sized()]
            {
                let chain = collect(body, &pool, len).await.expect("a whole body");
                let most = (2 * len).next_multiple_of(KIB);
                assert!(
                    pool.leased() <= most,
                    "{} bytes hold {len} in frames of {frame}",
                    pool.leased()
                );
                assert_eq!(pool.leased() == 0, len == 0);
                drop(chain);
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_body_of_known_length_lies_in_few_blocks() {
    let pool = pool();
    for (len, most) in [
        (5, KIB),
        (4 * KIB, 4 * KIB),
        (64 * KIB, 64 * KIB),
        (1 << 20, 1 << 20),
        (100 * KIB, 104 * KIB),
    ] {
        let chain = collect(Scripted::stuttering(len, 8 * KIB).sized(), &pool, len)
            .await
            .expect("a whole body");
        assert!(pool.leased() <= most, "{} bytes hold {len}", pool.leased());
        assert!(
            chain.segment_count() <= 1 + len / (20 * KIB),
            "{} pieces for {len} bytes",
            chain.segment_count()
        );
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_body_of_nothing_holds_nothing() {
    let pool = pool();
    assert!(collect(Empty::<Bytes>::new(), &pool, 0).await.expect("a whole body").is_empty());
    let empty_frames =
        Scripted::new([Step::Data(Vec::new()), Step::Pending, Step::Data(Vec::new())]);
    assert!(collect(empty_frames, &pool, 0).await.expect("a whole body").is_empty());
    assert_eq!((pool.leased(), pool.peak()), (0, 0));
}

#[tokio::test]
async fn trailers_do_no_harm() {
    let pool = pool();
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1234".parse().expect("a value"));
    let body = Scripted::new([
        Step::Data(b"hello ".to_vec()),
        Step::Data(b"you".to_vec()),
        Step::Trailers(trailers),
    ]);
    assert_eq!(collect(body, &pool, 9).await.expect("a whole body"), *b"hello you");
    assert_eq!(pool.leased(), 0);
}

// ---- limits -------------------------------------------------------------------------------------

#[tokio::test]
async fn one_byte_over_the_limit_is_too_long() {
    let pool = pool();
    for (len, frame) in [(1, 1), (10_000, 1_000), (200_000, 64 * KIB), (400_000, 400_000)] {
        assert_eq!(
            collect(Scripted::stuttering(len, frame), &pool, len)
                .await
                .expect("at the limit")
                .len(),
            len
        );
        let error = collect(Scripted::stuttering(len, frame), &pool, len - 1)
            .await
            .expect_err("over the limit");
        assert!(error.is_too_long() && !error.is_body() && !error.is_lease(), "{error}");
        assert_eq!(pool.leased(), 0);
    }
    let error =
        collect(Scripted::stuttering(100, 10), &pool, 42).await.expect_err("over the limit");
    assert_eq!(error.to_string(), "the body has 50 bytes or more, the limit is 42");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let pool = pool();
    let body = Scripted::new([Step::Fail]).saying(43, None);
    let error = collect(body, &pool, 42).await.expect_err("over the limit");
    assert_eq!(error.to_string(), "the body has 43 bytes or more, the limit is 42");
    assert!(error.is_too_long() && error.source().is_none());

    let account = pool.account("small", 64 * KIB);
    let error =
        collect(Scripted::new([Step::Fail]).saying(100_000, None), &account, NO_LIMIT).await;
    let error = error.expect_err("over what the account may have");
    assert!(error.is_lease() && lease_error(&error).is_too_large(), "{error:?}");
    assert_eq!((pool.leased(), pool.peak()), (0, 0));
}

#[tokio::test]
async fn a_failed_body_says_so_and_its_blocks_are_home() {
    let pool = pool();
    let body = Scripted::new([
        Step::Data(pattern(100_000)),
        Step::Pending,
        Step::Fail,
        Step::Data(pattern(1)),
    ]);
    let error = collect(body, &pool, NO_LIMIT).await.expect_err("it fails");
    assert!(error.is_body() && !error.is_too_long(), "{error}");
    assert_eq!(error.source().expect("the body's error").to_string(), "the client went away");
    assert_eq!(pool.leased(), 0);

    let limited = Limited::new(Full::<Bytes>::from("hello"), 4);
    assert!(collect(limited, &pool, NO_LIMIT).await.expect_err("it fails").is_body());
}

// ---- what a body says of its length -------------------------------------------------------------

#[tokio::test]
async fn a_body_that_lies_about_its_length_is_collected_all_the_same() {
    let pool = pool();
    for (lower, upper) in
        [(0, Some(0)), (10, Some(10)), (0, None), (0, Some(10)), (10, None), (1 << 31, None)]
    {
        for len in [3, 1000, 100_000] {
            for frame in [100, 9_000] {
                let body = Scripted::stuttering(len, frame).saying(lower, upper);
                // One that announces more than the whole pool is refused unread.
                if lower > pool.budget() as u64 {
                    assert!(
                        collect(body, &pool, NO_LIMIT)
                            .await
                            .expect_err("over the budget")
                            .is_lease()
                    );
                    continue;
                }
                let chain = collect(body, &pool, NO_LIMIT).await.expect("a whole body");
                assert!(
                    chain == pattern(len)[..],
                    "{len} bytes where {lower} to {upper:?} were said"
                );
                assert!(pool.leased() <= (2 * len).next_multiple_of(KIB));
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

/// Holds what a body that was promised to be long has sent, at each wait for more of it.
#[tokio::test]
async fn what_a_body_promises_leases_eight_times_what_it_sent_at_most() {
    let pool = pool();
    for said in [0, 100 * KIB, 7 << 20] {
        for frame in [1, 3, 100, 1000, 8 * KIB, 30_000] {
            let body = Scripted::stuttering(20 * frame, frame).saying(said as u64, Some(8 << 20));
            let mut collecting = tokio_test::task::spawn(collect(body, &pool, NO_LIMIT));
            let mut sent = 0;
            assert!(collecting.poll().is_pending());
            assert_eq!(pool.leased(), 0, "nothing is leased before the first frame");
            while collecting.poll().is_pending() {
                sent += frame;
                let ahead = (7 * sent).min(64 * KIB);
                let most = (sent + ahead + sent / 4).next_multiple_of(KIB) + KIB;
                assert!(pool.leased() <= most, "{} bytes are leased for {sent}", pool.leased());
            }
            drop(collecting);
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn between_frames_no_block_is_held_that_holds_nothing() {
    let pool = pool();
    let mut collecting = tokio_test::task::spawn(collect(
        Scripted::stuttering(40 * KIB, 8 * KIB).sized(),
        &pool,
        NO_LIMIT,
    ));
    assert!(collecting.poll().is_pending());
    for (at, holds) in [20, 20, 40, 40].into_iter().enumerate() {
        assert!(collecting.poll().is_pending());
        assert_eq!(pool.leased(), holds * KIB, "after frame {at}");
    }
    drop(collecting);
    assert_eq!(pool.leased(), 0);
}

// ---- short memory -------------------------------------------------------------------------------

#[tokio::test]
async fn a_body_waits_for_memory_and_goes_on() {
    for classes in [&[4 * KIB][..], &[KIB, 4 * KIB, 20 * KIB, 64 * KIB]] {
        let pool = Pool::builder()
            .budget(1 << 20)
            .classes(classes.iter().copied())
            .build()
            .expect("a budget of 1 MiB");
        let mut blocks = lease_all(&pool, 1);
        let body = Scripted::stuttering(200_000, 50_000);
        let held = Arc::clone(&body.held);
        let collecting = tokio::spawn({
            let pool = pool.clone();
            async move { collect(body, &pool, NO_LIMIT).await }
        });
        while pool.stats().waiting == 0 {
            assert!(!collecting.is_finished(), "there is no memory yet");
            tokio::task::yield_now().await;
        }
        assert_eq!(held.now(), 1, "the frame that was read waits");
        // Memory comes back bit by bit.
        while !collecting.is_finished() {
            blocks.pop();
            tokio::task::yield_now().await;
        }
        let chain = collecting.await.expect("no panic").expect("a whole body");
        assert!(chain == pattern(200_000)[..]);
        drop((chain, blocks));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_fails_when_no_memory_comes_in_time() {
    let pool = pool();
    let account = pool.account("upload", 100 * KIB);
    let held = account.try_lease(64 * KIB).expect("room");
    let error = collect(Scripted::stuttering(60_000, 10_000), &account, NO_LIMIT)
        .await
        .expect_err("no memory");
    assert!(error.is_lease() && lease_error(&error).is_deadline_passed(), "{error:?}");
    assert_eq!(pool.leased(), 64 * KIB, "what was collected is home");
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_alone_fills_its_account_does_not_wait_for_itself() {
    let pool = pool();
    let began = tokio::time::Instant::now();
    for limit in [KIB, 63 * KIB, 64 * KIB, 100_000] {
        let account = pool.account("upload", limit);
        for frame in [100, 8 * KIB, 300_000] {
            let error = collect(Scripted::stuttering(limit + 1, frame), &account, NO_LIMIT).await;
            let error = error.expect_err("it cannot fit");
            assert!(error.is_lease() && lease_error(&error).is_too_large(), "{error:?}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_body_that_fits_its_account_is_collected_into_smaller_blocks_if_need_be() {
    let pool = pool();
    for limit in [KIB, 5 * KIB, 63 * KIB, 65 * KIB, 90 * KIB, 200 * KIB] {
        let account = pool.account("upload", limit);
        for frame in [1000, 8 * KIB, 300_000] {
            for body in
                [Scripted::stuttering(limit, frame).sized(), Scripted::stuttering(limit, frame)]
            {
                match collect(body, &account, NO_LIMIT).await {
                    Ok(chain) => assert!(chain == pattern(limit)[..]),
                    Err(error) => {
                        panic!("{limit} bytes in frames of {frame}: {:?}", lease_error(&error))
                    }
                }
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn cancelled_at_any_poll_it_leaves_nothing_behind() {
    let pool = Pool::builder()
        .budget(256 * KIB)
        .classes([KIB, 4 * KIB, 20 * KIB])
        .build()
        .expect("a small pool");
    for is_short in [false, true] {
        for polls in 0.. {
            let mut blocks = if is_short { lease_all(&pool, 1) } else { Vec::new() };
            let body = Scripted::stuttering(50_000, 6_000);
            let held = Arc::clone(&body.held);
            let mut collecting = tokio_test::task::spawn(collect(body, &pool, NO_LIMIT));
            let is_done = (0..polls).any(|_| {
                blocks.truncate(blocks.len().saturating_sub(20));
                collecting.poll().is_ready()
            });
            drop((collecting, blocks));
            assert_eq!(
                (pool.leased(), held.now(), pool.stats().waiting),
                (0, 0, 0),
                "after {polls} polls"
            );
            if is_done {
                break;
            }
        }
    }
}
