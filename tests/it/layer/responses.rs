//! Responses in this process: until when what was reserved is held, and that it is given back
//! however they end.

use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use leasehold::{
    Account, BlockMut, Pool,
    layer::{BudgetBody, BudgetLayer},
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::layer::{
    FLOOR,
    bodies::{Scripted, Step},
    pool,
};

fn request() -> Request<Full<Bytes>> {
    Request::new(Full::default())
}

/// The response of a service that answers with this body.
async fn answered<B: Body<Data = Bytes>>(pool: &Pool, body: B) -> Response<BudgetBody<B>> {
    let mut body = Some(body);
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        let body = body.take().expect("one request");
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    BudgetLayer::new(pool).layer(service).oneshot(request()).await.expect("an answer")
}

/// As most services give their bytes.
fn bytes_of(body: Scripted) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
    body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
}

fn data(len: usize) -> Step {
    Step::Data(vec![1; len])
}

// ---- the body of a response ---------------------------------------------------------------------

#[tokio::test]
async fn what_is_reserved_is_held_until_the_body_has_ended_though_it_is_kept() {
    let pool = pool();
    for last in [data(10), Step::Trailers(HeaderMap::new())] {
        let body =
            bytes_of(Scripted::new([Step::Pending, data(10), Step::Pending, data(10), last]));
        let response = answered(&pool, body).await;
        let mut body = pin!(response.into_body());
        for _ in 0..2 {
            assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
            assert_eq!(pool.leased(), FLOOR);
        }
        // The last one says that it is: hyper asks no more then.
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        assert_eq!(pool.leased(), 0);
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn a_body_that_does_not_know_its_end_has_ended_when_it_says_so() {
    let pool = pool();
    let frames = [Ok::<_, Infallible>(http_body::Frame::data(Bytes::from_static(b"bytes")))];
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let mut body = answered(&pool, body).await.into_body();
    assert!(body.frame().await.is_some());
    assert_eq!(pool.leased(), FLOOR);
    assert!(body.frame().await.is_none());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_reserved_is_home_with_a_response_whose_body_is_empty() {
    let pool = pool();
    let response = answered(&pool, Full::<Bytes>::default()).await;
    assert_eq!(pool.leased(), 0);
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn a_body_that_fails_has_ended() {
    let pool = pool();
    let mut body = answered(&pool, bytes_of(Scripted::new([data(10), Step::Fail, data(10)])))
        .await
        .into_body();
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert_eq!(pool.leased(), FLOOR);
    let error = body.frame().await.expect("an error").expect_err("an error");
    assert_eq!(error.to_string(), "the client went away");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_body_that_is_dropped_gives_back_what_was_reserved() {
    let pool = pool();
    for frames in 0..3 {
        let mut body = answered(&pool, bytes_of(Scripted::stuttering(30, 10))).await.into_body();
        for _ in 0..frames {
            assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        }
        assert_eq!(pool.leased(), FLOOR);
        drop(body);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_body_that_panics_gives_back_what_was_reserved() {
    let pool = pool();
    let body = bytes_of(Scripted::new([data(10)]))
        .map_frame(|_| -> http_body::Frame<Bytes> { panic!("as the test asked") });
    let body = answered(&pool, body).await.into_body();
    assert_eq!(pool.leased(), FLOOR);
    let polled = catch_unwind(AssertUnwindSafe(move || {
        let _ = pin!(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(polled.is_err());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn head_and_lengths_pass_through() {
    let pool = pool();
    for len in [0, 10] {
        let response = answered(&pool, Full::from(vec![1; len])).await;
        assert_eq!(
            (response.body().size_hint().exact(), response.body().is_end_stream()),
            (Some(len as u64), len == 0)
        );
        assert_eq!(response.into_body().collect().await.expect("a body").to_bytes().len(), len);
    }
    assert_eq!(pool.leased(), 0);
}

// ---- the future of a response -------------------------------------------------------------------

#[tokio::test]
async fn a_future_that_is_dropped_gives_back_what_was_reserved() {
    let pool = pool();
    for polls in 0..3 {
        let service = service_fn(async |_: Request<Full<Bytes>>| {
            pending::<Result<Response<Full<Bytes>>, Infallible>>().await
        });
        let mut response = Box::pin(BudgetLayer::new(&pool).layer(service).call(request()));
        for _ in 0..polls {
            assert!(response.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(pool.leased(), FLOOR);
        drop(response);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_service_that_fails_gives_back_what_was_reserved() {
    let pool = pool();
    let service = service_fn(async |request: Request<Full<Bytes>>| {
        let account = request.extensions().get::<Account>().expect("an account of its own");
        let _block = account.try_lease(1).expect("covered");
        Err::<Response<Full<Bytes>>, _>(io::Error::other("as the test asked"))
    });
    let mut response = Box::pin(BudgetLayer::new(&pool).layer(service).call(request()));
    assert_eq!(pool.leased(), FLOOR);
    let error = response.as_mut().await.expect_err("an error");
    // Though the future is still there.
    assert_eq!((error.to_string(), pool.leased()), ("as the test asked".to_owned(), 0));
}

#[tokio::test]
async fn a_service_that_panics_gives_back_what_was_reserved() {
    let pool = pool();
    // When it is polled.
    let service = service_fn(
        async |request: Request<Full<Bytes>>| -> Result<Response<Full<Bytes>>, Infallible> {
            let account = request.extensions().get::<Account>().expect("an account of its own");
            let _block = account.try_lease(1).expect("covered");
            panic!("as the test asked")
        },
    );
    let response = BudgetLayer::new(&pool).layer(service).call(request());
    assert_eq!(pool.leased(), FLOOR);
    let polled = catch_unwind(AssertUnwindSafe(move || {
        let _ = pin!(response).poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(polled.is_err());
    assert_eq!(pool.leased(), 0);

    // When it is called.
    type Never = std::future::Pending<Result<Response<Full<Bytes>>, Infallible>>;
    let service = service_fn(|request: Request<Full<Bytes>>| -> Never {
        let account = request.extensions().get::<Account>().expect("an account of its own");
        assert_eq!(account.leased(), FLOOR);
        panic!("as the test asked")
    });
    let mut service = BudgetLayer::new(&pool).layer(service);
    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(request()))));
    assert!(called.is_err());
    assert_eq!(pool.leased(), 0);
}

// ---- what outlives what -------------------------------------------------------------------------

#[tokio::test]
async fn a_response_outlives_its_service_its_layer_and_the_pools_last_handle() {
    let pool = pool();
    let tenant = pool.account("tenant", 1 << 20);
    let layer = BudgetLayer::new(&tenant);
    let service = layer.layer(service_fn(async |request: Request<Full<Bytes>>| {
        let account = request.extensions().get::<Account>().expect("an account of its own").clone();
        tokio::task::yield_now().await;
        let block = account.try_lease(1).expect("covered, whoever is gone");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(block.freeze().into_bytes())))
    }));
    let mut response = Box::pin({ service }.call(request()));
    assert!(matches!(
        response.as_mut().poll(&mut Context::from_waker(Waker::noop())),
        Poll::Pending
    ));
    drop((layer, tenant));
    assert_eq!(pool.leased(), FLOOR);
    let response = response.await.expect("an answer");
    drop(response);
    assert_eq!(pool.leased(), 0);
    assert!(pool.stats().accounts.is_empty());

    let response = answered(&pool, Full::<Bytes>::from("bytes")).await;
    drop(pool);
    drop(response);
}

#[tokio::test]
async fn blocks_that_outlive_the_response_stay_charged_until_they_are_home() {
    let pool = pool();
    let (sender, mut blocks) = tokio::sync::mpsc::unbounded_channel::<(Account, BlockMut)>();
    let service = service_fn(async |request: Request<Full<Bytes>>| {
        let account = request.extensions().get::<Account>().expect("an account of its own").clone();
        let block = account.try_lease(4 << 10).expect("covered");
        sender.send((account, block)).expect("the test receives");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    drop(BudgetLayer::new(&pool).layer(service).oneshot(request()).await);
    let (account, block) = blocks.recv().await.expect("a block");
    assert_eq!((account.leased(), pool.leased(), pool.stats().reserved), (4 << 10, 4 << 10, 0));
    // The credit has ended; the account has not.
    let more = account.try_lease(4 << 10).expect("room");
    assert_eq!(account.leased(), 8 << 10);
    drop((block, more));
    assert_eq!((account.leased(), pool.leased()), (0, 0));
}
