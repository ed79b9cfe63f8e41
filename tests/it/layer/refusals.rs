//! Who is refused, and what it is told.

use std::{
    future::{Ready, ready},
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, routing::post};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use leasehold::layer::BudgetLayer;
use tokio_test::task;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::layer::{
    FLOOR,
    bodies::Scripted,
    client::{Client, head},
    lease_all, pool,
    requests::{charge, exactly, reserved},
    site::{SERVERS, routes, until_home},
};

/// The limit of an account.
const LIMIT: usize = 100 << 10;

/// Counts its calls, is ready as it is told, and says how it was called.
#[derive(Clone, Default)]
struct Inner {
    calls: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
}

impl Service<Request<Scripted>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Response<Full<Bytes>>>>;

    /// Not yet; then broken; from then on ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.polls.fetch_add(1, Relaxed) {
            0 => Poll::Pending,
            1 => Poll::Ready(Err(io::Error::other("as the test asked"))),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: Request<Scripted>) -> Self::Future {
        self.calls.fetch_add(1, Relaxed);
        ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_is_ready_when_the_inner_one_is_whatever_memory_there_is() {
    let pool = pool();
    let held = lease_all(&pool);
    let inner = Inner::default();
    let mut service = task::spawn(BudgetLayer::new(&pool).layer(inner.clone()));
    assert!(service.enter(|cx, mut service| service.poll_ready(cx)).is_pending());
    let error = service.enter(|cx, mut service| service.poll_ready(cx));
    assert!(matches!(error, Poll::Ready(Err(error)) if error.to_string() == "as the test asked"));
    assert!(matches!(service.enter(|cx, mut service| service.poll_ready(cx)), Poll::Ready(Ok(()))));
    assert_eq!(inner.polls.load(Relaxed), 3);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_service_and_charges_nothing() {
    let pool = pool();
    let inner = Inner::default();
    let mut service = BudgetLayer::new(&pool).layer(inner.clone());
    let held = lease_all(&pool);
    let (leased, accounts) = (pool.leased(), pool.stats().accounts);
    let body = Scripted::stuttering(100, 10);
    let frames = Arc::clone(&body.held);
    let response = service.call(Request::new(body)).await.expect("a refusal is a response");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((inner.calls.load(Relaxed), frames.most()), (0, 0));
    assert_eq!((pool.leased(), pool.stats().accounts, pool.stats().waiting), (leased, accounts, 0));
    let body = Body::size_hint(response.body()).exact();
    let text = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(
        (body, &text[..]),
        (Some(text.len() as u64), &b"all memory is in use; try again in a moment\n"[..])
    );

    drop(held);
    let response = service.call(Request::new(exactly(100))).await.expect("an answer");
    assert_eq!((response.status(), inner.calls.load(Relaxed)), (StatusCode::OK, 1));
    drop(response);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_request_is_refused_at_the_limit_and_passes_those_who_wait_there_only_so_often() {
    let pool = pool();
    let tenant = pool.account("tenant", LIMIT);
    let service = BudgetLayer::new(&tenant).layer(service_fn(charge));
    let status = async |len| {
        service.clone().oneshot(Request::new(exactly(len))).await.expect("an answer").status()
    };
    let held = tenant.try_reserve(LIMIT - FLOOR).expect("room");
    assert_eq!(
        (status(0).await, status(1).await),
        (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE)
    );
    let mut waiter = task::spawn(tenant.reserve(LIMIT));
    assert!(waiter.poll().is_pending());
    let mut passes = 0;
    while status(0).await == StatusCode::OK {
        passes += 1;
        assert!(passes < 100, "the one that waits is passed for ever");
    }
    // Beside the account there is room, and nobody waits.
    assert_eq!(reserved(&BudgetLayer::new(&pool), exactly(0)).await, FLOOR);
    drop((waiter, held));
    assert_eq!(status(0).await, StatusCode::OK);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn retry_after_is_in_whole_seconds_rounded_up() {
    let pool = pool();
    let held = lease_all(&pool);
    for (after, expected) in [
        (Duration::ZERO, "0"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::from_millis(1_500), "2"),
        (Duration::from_secs(90), "90"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let service = BudgetLayer::new(&pool).retry_after(after).layer(service_fn(charge));
        let response =
            service.oneshot(Request::new(exactly(0))).await.expect("a refusal is a response");
        assert_eq!(response.headers()["retry-after"], expected);
    }
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_refusal_can_be_worded_otherwise() {
    let pool = pool();
    let held = lease_all(&pool);
    let layer = BudgetLayer::new(&pool).retry_after(Duration::from_secs(9)).refuse_with(|error| {
        assert!(error.is_exhausted());
        let response =
            Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header("x-reason", "memory");
        response.body(Bytes::from_static(b"later")).expect("a response")
    });
    let response =
        layer.layer(service_fn(charge)).oneshot(Request::new(exactly(0))).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let headers: Vec<_> = response.headers().iter().collect();
    assert_eq!(
        headers,
        [(&HeaderName::from_static("x-reason"), &HeaderValue::from_static("memory"))]
    );
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "later");

    // One of no bytes has ended when it begins.
    let layer = layer.refuse_with(|_| Response::default());
    let response =
        layer.layer(service_fn(charge)).oneshot(Request::new(exactly(0))).await.expect("an answer");
    assert!(Body::is_end_stream(response.body()));
    assert!(response.into_body().frame().await.is_none());
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_call_of_grpc_is_refused_in_its_own_words() {
    let pool = pool();
    let held = lease_all(&pool);
    for (content_type, is_call) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web-text", true),
        ("application/json", false),
        ("text/application/grpc", false),
    ] {
        let request = Request::post("/")
            .header("content-type", content_type)
            .body(exactly(0))
            .expect("a request");
        let response = BudgetLayer::new(&pool)
            .layer(service_fn(charge))
            .oneshot(request)
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        let field = |name| response.headers().get(name).map(|value| value.to_str().expect("text"));
        let (status, message) = (field("grpc-status"), field("grpc-message"));
        if is_call {
            let expected = (Some("14"), Some("all memory is in use; try again in a moment"));
            assert_eq!(
                (field("content-type"), (status, message)),
                (Some("application/grpc"), expected)
            );
        } else {
            assert_eq!((status, message), (None, None));
        }
        // A client would take a text for messages.
        assert_eq!(Body::is_end_stream(response.body()), is_call);
    }
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_refusal_over_a_socket_is_a_whole_response() {
    for server in SERVERS {
        let pool = pool();
        let app = Router::new().route("/", post(async || "served")).layer(BudgetLayer::new(&pool));
        let address = server.start(app).await;
        let held = lease_all(&pool);
        let mut client = Client::connect(address).await;
        client.send(head("/", 0)).await;
        for _ in 0..2 {
            let refused = client.answer().await.expect("an answer");
            let (status, headers) = refused.head.split_once("\r\n").expect("a head");
            assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
            let of_ours: Vec<_> =
                headers.lines().filter(|line| !line.starts_with("date: ")).collect();
            assert_eq!(
                of_ours,
                [
                    "retry-after: 1",
                    "content-type: text/plain; charset=utf-8",
                    "content-length: 44",
                    ""
                ],
                "{server:?}"
            );
            assert_eq!(refused.body, b"all memory is in use; try again in a moment\n");
            client.send(head("/", 0)).await; // the connection goes on
        }
        assert_eq!(client.answer().await.expect("an answer").status, 503);
        drop(held);
        client.send(head("/", 0)).await;
        assert_eq!(client.answer().await.expect("an answer").body, b"served");
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends_its_body() {
    for server in SERVERS {
        let pool = pool();
        let address = server.start(routes(&pool).layer(BudgetLayer::new(&pool))).await;
        let request = "POST /echo HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
        let held = lease_all(&pool);
        let mut client = Client::connect(address).await;
        client.send(request).await;
        assert_eq!(client.answer().await.expect("an answer").status, 503, "{server:?}");
        drop(held);
        let mut client = Client::connect(address).await;
        client.send(request).await;
        assert_eq!(client.answer().await.expect("an answer").status, 100, "{server:?}");
        client.send("hello").await;
        assert_eq!(client.answer().await.expect("an answer").body, b"hello");
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_never_taken_for_a_request() {
    for server in SERVERS {
        for is_late in [false, true] {
            let pool = pool();
            let calls = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&calls);
            let refused = routes(&pool).route_layer(BudgetLayer::new(&pool));
            let smuggled = post(async move || count.fetch_add(1, Relaxed).to_string());
            let address = server.start(refused.route("/smuggled", smuggled)).await;
            let held = lease_all(&pool);
            let body = head("/smuggled", 0).repeat(1_000);
            let mut client = Client::connect(address).await;
            client.send(head("/echo", body.len())).await;
            if is_late {
                assert_eq!(client.answer().await.expect("an answer").status, 503);
            }
            // As much of it as the server takes: it may have closed the connection.
            let exchange =
                tokio::time::timeout(Duration::from_millis(200), client.exchange(&body)).await;
            if !is_late {
                assert_eq!(exchange.expect("in time").expect("an answer").status, 503);
            }
            // Either it is read and dropped, or the connection ends.
            let next = tokio::time::timeout(
                Duration::from_millis(200),
                client.exchange(head("/smuggled", 0)),
            )
            .await;
            assert!(
                calls.load(Relaxed) <= 1,
                "{server:?}: {} requests in a body",
                calls.load(Relaxed)
            );
            assert_eq!(
                calls.load(Relaxed) == 1,
                matches!(&next, Ok(Ok(answer)) if answer.status == 200)
            );
            drop(held);
            until_home(&pool).await;
        }
    }
}
