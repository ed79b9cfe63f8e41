//! Who is admitted, what is reserved for it, and what the others are told.

use std::{
    convert::Infallible,
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
use bytes::{BufMut, Bytes};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use leasehold::{BlockMut, Chain, Pool, http::ChainBody, layer::BudgetLayer};
use tokio_test::task;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{
    BUDGET, FLOOR,
    bodies::Scripted,
    client::{Client, head},
    pool,
    site::{SERVERS, until_home},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What is reserved for a body of unknown length, unless the layer is told otherwise.
const UNKNOWN_LEN: usize = 64 * KIB;

/// The most that is reserved for one request.
const QUARTER: usize = BUDGET / 4;

fn layer(pool: &Pool) -> BudgetLayer {
    BudgetLayer::new(pool)
}

/// A body that says so of its length.
fn saying(least: usize, most: impl Into<Option<usize>>) -> Scripted {
    Scripted::default().saying(least as u64, most.into().map(|most| most as u64))
}

fn exactly(len: usize) -> Scripted {
    saying(len, len)
}

/// Blocks until the pool has none left.
fn lease_all(pool: &Pool) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(1).ok()).collect()
}

/// Says in its body what is charged to the account of the request.
async fn charge(request: Request<Scripted>) -> Result<Response<Full<Bytes>>, Infallible> {
    let account = request.extensions().get::<Pool>().expect("an account of its own");
    Ok(Response::new(account.leased().to_string().into()))
}

/// What is reserved for a request with this body.
async fn reserved(layer: &BudgetLayer, body: Scripted) -> usize {
    let response = layer.layer(service_fn(charge)).oneshot(Request::new(body)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.into_body().collect().await.expect("a body").to_bytes();
    std::str::from_utf8(&text).expect("text").parse().expect("a number")
}

// ---- what is reserved ------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_floor_and_the_length_that_is_announced_are_reserved() {
    let pool = pool();
    let layer = layer(&pool);
    for (body, expected) in [
        (exactly(0), 0),
        (exactly(100_000), 100_000),
        (exactly(5), 5),
        (saying(0, None), UNKNOWN_LEN),
        (saying(5, None), UNKNOWN_LEN),
        (saying(100_000, None), 100_000),
        (saying(0, 5), 5),
        (saying(0, 100_000), UNKNOWN_LEN),
        (saying(100_000, 200_000), 100_000),
    ] {
        let case = format!("{:?}", http_body::Body::size_hint(&body));
        assert_eq!(reserved(&layer, body).await, FLOOR + expected, "{case}");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn each_part_of_what_is_reserved_can_be_set() {
    let pool = pool();
    let layer = layer(&pool).floor(1_000).unknown_len(300).body_max(20_000);
    for (body, expected) in [
        (exactly(0), 0),
        (exactly(5), 5),
        (exactly(100_000), 20_000),
        (saying(0, None), 300),
        (saying(500, None), 500),
        (saying(30_000, None), 20_000),
        (saying(0, 200), 200),
    ] {
        let case = format!("{:?}", http_body::Body::size_hint(&body));
        assert_eq!(reserved(&layer, body).await, 1_000 + expected, "{case}");
    }
    // The limit of a body holds for one of unknown length too.
    assert_eq!(reserved(&layer.unknown_len(30_000), saying(0, None)).await, 21_000);
    assert_eq!(reserved(&BudgetLayer::new(&pool).floor(0), exactly(0)).await, 0);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn one_request_is_reserved_a_quarter_of_the_budget_at_most() {
    let pool = pool();
    for body in [exactly(QUARTER), exactly(usize::MAX), saying(usize::MAX, None), exactly(QUARTER - FLOOR + 1)] {
        assert_eq!(reserved(&layer(&pool), body).await, QUARTER);
    }
    assert_eq!(reserved(&layer(&pool), exactly(QUARTER - FLOOR)).await, QUARTER);
    assert_eq!(reserved(&layer(&pool).floor(usize::MAX), exactly(usize::MAX)).await, QUARTER);
    assert_eq!(reserved(&layer(&pool).unknown_len(usize::MAX), saying(0, None)).await, QUARTER);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn no_more_is_reserved_than_the_smallest_limit() {
    let pool = pool();
    assert_eq!(reserved(&layer(&pool).request_max(100_000), exactly(MIB)).await, 100_000);
    let tenant = pool.child("tenant", 300_000);
    assert_eq!(reserved(&layer(&tenant), exactly(MIB)).await, 300_000);
    assert_eq!(reserved(&layer(&tenant).request_max(MIB), exactly(MIB)).await, 300_000);
    let route = tenant.child("route", MIB);
    assert_eq!(reserved(&layer(&route), exactly(MIB)).await, 300_000);
    tenant.set_limit(200_000);
    assert_eq!(reserved(&layer(&route), exactly(MIB)).await, 200_000);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_reserved_is_charged_to_the_layers_account_until_the_response_ends() {
    let pool = pool();
    let tenant = pool.child("tenant", MIB);
    let service = layer(&tenant).layer(service_fn(charge));
    let response = service.oneshot(Request::new(exactly(1_000))).await.expect("an answer");
    let expected = FLOOR + 1_000;
    assert_eq!((tenant.leased(), pool.leased(), pool.stats().reserved), (expected, expected, expected));
    drop(response);
    assert_eq!((tenant.leased(), pool.leased(), pool.stats().reserved), (0, 0, 0));
}

// ---- the account of a request ----------------------------------------------------------------------------------------------------

/// What a service sees of a request's account.
async fn look_and_lease(request: Request<Scripted>) -> Result<Response<ChainBody>, Infallible> {
    let account = request.extensions().get::<Pool>().expect("an account of its own");
    let before = account.leased();
    let mut block = account.try_lease(60 * KIB).expect("covered");
    assert_eq!(account.leased(), before, "the lease draws on the cover");
    block.put_slice(account.name().as_bytes());
    Ok(Response::new(ChainBody::new(Chain::from(block))))
}

#[tokio::test]
async fn a_request_has_an_account_of_its_own_whose_leases_draw_on_the_cover() {
    let pool = pool();
    let service = layer(&pool).layer(service_fn(look_and_lease));
    let mut request = Request::new(exactly(1_000));
    // What the server gave it: the account of the connection.
    request.extensions_mut().insert(pool.child("connection", KIB));
    let first = service.clone().oneshot(request).await.expect("an answer");
    let others: Vec<_> = std::iter::from_fn(|| pool.try_reserve(QUARTER).ok()).collect();
    let second = service.oneshot(Request::new(exactly(1_000))).await.expect("an answer");
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(pool.leased(), others.len() * QUARTER + 2 * (FLOOR + 1_000));
    let accounts = pool.stats().accounts;
    let requests = accounts.iter().filter(|account| account.name == "request" && account.leased == FLOOR + 1_000);
    assert_eq!(requests.count(), 2);

    for response in [first, second] {
        assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "request");
    }
    drop(others);
    assert_eq!(pool.leased(), 0);
    assert!(pool.stats().accounts.is_empty());
}

#[tokio::test]
async fn the_account_is_limited_as_the_layer_says_and_by_those_around_it() {
    let pool = pool();
    let tenant = pool.child("tenant", 300 * KIB);
    for (layer, most) in [(layer(&tenant), 300 * KIB), (layer(&tenant).request_max(100 * KIB), 100 * KIB)] {
        let service = layer.layer(service_fn(async |request: Request<Scripted>| {
            let account = request.extensions().get::<Pool>().expect("an account of its own");
            let blocks = lease_all(account);
            let leased = account.leased();
            drop(blocks);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(leased.to_string())))
        }));
        let response = service.oneshot(Request::new(exactly(0))).await.expect("an answer");
        let text = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(text, most.to_string());
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_account_can_be_named_for_its_request() {
    let pool = pool();
    let layer = layer(&pool).name_with(|method, uri, _| format!("{method} {}", uri.path()).into());
    let service = layer.layer(service_fn(charge));
    let request = Request::put("/photos?size=9").body(exactly(0)).expect("a request");
    let response = service.oneshot(request).await.expect("an answer");
    let accounts = pool.stats().accounts;
    let seen: Vec<_> = accounts.iter().map(|account| (&*account.name, account.leased)).collect();
    assert_eq!(seen, [("PUT /photos", FLOOR)]);
    drop(response);
    assert_eq!(pool.leased(), 0);
}

// ---- who is refused --------------------------------------------------------------------------------------------------------------

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
    let mut service = task::spawn(layer(&pool).layer(inner.clone()));
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
    let mut service = layer(&pool).layer(inner.clone());
    let held = lease_all(&pool);
    let (leased, accounts) = (pool.leased(), pool.stats().accounts);
    let body = Scripted::stuttering(100, 10);
    let frames = Arc::clone(&body.held);
    let response = service.call(Request::new(body)).await.expect("a refusal is a response");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((inner.calls.load(Relaxed), frames.most()), (0, 0));
    assert_eq!((pool.leased(), pool.stats().accounts, pool.stats().waiting), (leased, accounts, 0));
    let body = http_body::Body::size_hint(response.body()).exact();
    let text = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!((body, &text[..]), (Some(text.len() as u64), &b"all memory is in use; try again in a moment\n"[..]));

    drop(held);
    let response = service.call(Request::new(exactly(100))).await.expect("an answer");
    assert_eq!((response.status(), inner.calls.load(Relaxed)), (StatusCode::OK, 1));
    drop(response);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_request_is_refused_at_the_limit_and_passes_those_who_wait_there_only_so_often() {
    let pool = pool();
    let tenant = pool.child("tenant", 100 * KIB);
    let service = layer(&tenant).layer(service_fn(charge));
    let status = async |len| service.clone().oneshot(Request::new(exactly(len))).await.expect("an answer").status();
    let held = tenant.try_reserve(100 * KIB - FLOOR).expect("room");
    assert_eq!((status(0).await, status(1).await), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    let mut waiter = task::spawn(tenant.reserve(100 * KIB));
    assert!(waiter.poll().is_pending());
    let mut passes = 0;
    while status(0).await == StatusCode::OK {
        passes += 1;
        assert!(passes < 100, "the one that waits is passed for ever");
    }
    // Beside the account there is room, and nobody waits.
    assert_eq!(reserved(&layer(&pool), exactly(0)).await, FLOOR);
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
        let service = layer(&pool).retry_after(after).layer(service_fn(charge));
        let response = service.oneshot(Request::new(exactly(0))).await.expect("a refusal is a response");
        assert_eq!(response.headers()["retry-after"], expected);
    }
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_refusal_can_be_worded_otherwise() {
    let pool = pool();
    let held = lease_all(&pool);
    let layer = layer(&pool).retry_after(Duration::from_secs(9)).refuse_with(|error| {
        assert!(error.is_exhausted());
        let response = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header("x-reason", "memory");
        response.body(Bytes::from_static(b"later")).expect("a response")
    });
    let response = layer.layer(service_fn(charge)).oneshot(Request::new(exactly(0))).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let headers: Vec<_> = response.headers().iter().collect();
    assert_eq!(headers, [(&http::HeaderName::from_static("x-reason"), &HeaderValue::from_static("memory"))]);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "later");

    // One of no bytes has ended when it begins.
    let layer = layer.refuse_with(|_| Response::default());
    let response = layer.layer(service_fn(charge)).oneshot(Request::new(exactly(0))).await.expect("an answer");
    assert!(http_body::Body::is_end_stream(response.body()));
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
        let request = Request::post("/").header("content-type", content_type).body(exactly(0)).expect("a request");
        let response = layer(&pool).layer(service_fn(charge)).oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        let field = |name| response.headers().get(name).map(|value| value.to_str().expect("text"));
        let (status, message) = (field("grpc-status"), field("grpc-message"));
        if is_call {
            let expected = (Some("14"), Some("all memory is in use; try again in a moment"));
            assert_eq!((field("content-type"), (status, message)), (Some("application/grpc"), expected));
        } else {
            assert_eq!((status, message), (None, None));
        }
        // A client would take a text for messages.
        assert_eq!(http_body::Body::is_end_stream(response.body()), is_call);
    }
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_refusal_over_a_socket_is_a_whole_response() {
    for server in SERVERS {
        let pool = pool();
        let app = Router::new().route("/", post(async || "served")).layer(layer(&pool));
        let address = server.start(app).await;
        let held = lease_all(&pool);
        let mut client = Client::connect(address).await;
        client.send(head("/", 0)).await;
        for _ in 0..2 {
            let refused = client.answer().await.expect("an answer");
            let (status, headers) = refused.head.split_once("\r\n").expect("a head");
            assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
            let of_ours: Vec<_> = headers.lines().filter(|line| !line.starts_with("date: ")).collect();
            assert_eq!(
                of_ours,
                ["retry-after: 1", "content-type: text/plain; charset=utf-8", "content-length: 44", ""],
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

// ---- types -----------------------------------------------------------------------------------------------------------------------

/// `Router::layer` takes nothing that may fail: that it takes the layer as it is, as above, says the same of it.
#[test]
fn errors_and_data_stay_those_of_the_inner_service() {
    fn is_like<S, B>(_: &S)
    where
        S: Service<Request<Scripted>, Error = Infallible, Response = Response<B>>,
        B: http_body::Body<Data = Chain, Error = Infallible>,
    {
    }
    let pool = pool();
    is_like(&layer(&pool).layer(service_fn(look_and_lease)));
}

#[test]
fn all_may_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn is_send<T: Send + 'static>(_: &T) {}
    let pool = pool();
    let layer = layer(&pool).name_with(|_, _, _| "named".into()).refuse_with(|_| Response::default());
    is_send_and_sync(&layer);
    let mut service = layer.layer(Inner::default());
    is_send_and_sync(&service);
    let future = service.call(Request::new(exactly(0)));
    is_send(&future);
    drop(future);
    assert_eq!(pool.leased(), 0);
}
