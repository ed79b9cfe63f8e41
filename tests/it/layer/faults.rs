//! A request that ends at any moment: dropped after any number of polls, or with any of its frames
//! failing.

use std::{
    error::Error,
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use leasehold::{Account, BlockMut, Pool, http::collect, layer::BudgetLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::layer::{
    bodies::{Scripted, Step, pattern},
    pools::pools,
};

const BLOCK_LEN: usize = 4 << 10;
const BUDGET: usize = 64 * BLOCK_LEN;
const BODY_LEN: usize = 5 * BLOCK_LEN + 1;
const FRAME_LEN: usize = 3_000;
/// Frames of a body, either way.
const FRAMES: usize = BODY_LEN.div_ceil(FRAME_LEN);

type BoxError = Box<dyn Error + Send + Sync>;

/// A body, none of whose frames is ready at once, and whose frame number `broken` fails.
fn body(broken: Option<usize>) -> Scripted {
    let frames = pattern(BODY_LEN);
    let steps = frames.chunks(FRAME_LEN).enumerate().flat_map(|(at, bytes)| {
        let step = if Some(at) == broken { Step::Fail } else { Step::Data(bytes.to_vec()) };
        [Step::Pending, step]
    });
    Scripted::new(steps).saying(BODY_LEN as u64, Some(BODY_LEN as u64))
}

/// Reads the request, leases what was not reserved, and answers with a body that holds all of it;
/// its frame number `broken` fails.
async fn work(
    request: Request<Scripted>,
    broken: Option<usize>,
) -> Result<Response<impl Body<Data = Bytes, Error = io::Error>>, BoxError> {
    let account = request.extensions().get::<Account>().expect("an account of its own").clone();
    let covered = account.try_lease(1)?;
    let received = collect(request.into_body(), &account, BODY_LEN).await?;
    let mut more = Vec::new();
    for _ in 0..4 {
        more.push(account.lease(1).await?);
        tokio::task::yield_now().await;
    }
    let held = (covered, received, more);
    Ok(Response::new(body(broken).map_frame(move |frame| {
        let _ = &held;
        frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
    })))
}

/// A request from its admission to the end of its response.
async fn exchange(
    pool: &Pool,
    broken_in: Option<usize>,
    broken_out: Option<usize>,
) -> Result<(), BoxError> {
    let layer = BudgetLayer::new(pool).base_len(3 * BLOCK_LEN);
    let service = layer.layer(service_fn(|request| work(request, broken_out)));
    let response = service.oneshot(Request::new(body(broken_in))).await?;
    assert_eq!(response.status(), 200);
    let echo = response.into_body().collect().await?;
    assert!(echo.to_bytes() == pattern(BODY_LEN));
    Ok(())
}

/// Polls so many times at most, and drops it. When it waits for memory, a block comes home.
fn cancelled<F: Future>(
    future: F,
    polls: usize,
    pool: &Pool,
    held: &mut Vec<BlockMut>,
) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        if pool.stats().waiting > 0 {
            drop(held.pop());
        }
    }
    None
}

/// Blocks of the pool, but for what one request is reserved, or none.
fn held(pool: &Pool, is_scarce: bool) -> Vec<BlockMut> {
    let reserved = pool.try_reserve(3 * BLOCK_LEN + BODY_LEN).expect("room");
    let held = std::iter::from_fn(|| pool.try_lease(1).ok().filter(|_| is_scarce)).collect();
    drop(reserved);
    held
}

fn assert_home(pool: &Pool, case: impl std::fmt::Debug) {
    let stats = pool.stats();
    assert_eq!(
        (pool.leased(), stats.reserved, stats.waiting, stats.accounts.len()),
        (0, 0, 0, 0),
        "{case:?}"
    );
    let blocks: Vec<_> = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
    assert_eq!(blocks.len() * BLOCK_LEN, BUDGET, "{case:?}: each block can be leased again");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_after_any_poll_leaves_nothing_behind() {
    for pool in pools([BLOCK_LEN], BUDGET) {
        for is_scarce in [false, true] {
            for polls in 0.. {
                let mut held = held(&pool, is_scarce);
                let done = cancelled(exchange(&pool, None, None), polls, &pool, &mut held);
                drop(held);
                assert_home(&pool, (is_scarce, polls));
                if let Some(done) = done {
                    done.expect("nothing fails");
                    println!("scarce {is_scarce}: dropped after each of {polls} polls");
                    // Frames of both bodies, blocks that were not reserved, and waits for those of
                    // them that nothing was left for.
                    assert_eq!(polls, 1 + 2 * FRAMES + 4 + if is_scarce { 3 } else { 0 });
                    break;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_with_any_frame_of_its_bodies_failing_leaves_nothing_behind() {
    for pool in pools([BLOCK_LEN], BUDGET) {
        for is_scarce in [false, true] {
            for broken in 0..FRAMES {
                for (broken_in, broken_out) in [(Some(broken), None), (None, Some(broken))] {
                    let mut held = held(&pool, is_scarce);
                    let done =
                        cancelled(exchange(&pool, broken_in, broken_out), 1_000, &pool, &mut held);
                    done.expect("an end").expect_err("a frame fails");
                    drop(held);
                    assert_home(&pool, (is_scarce, broken_in, broken_out));
                }
            }
        }
    }
}
