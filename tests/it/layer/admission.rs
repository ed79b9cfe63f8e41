//! Who is admitted, and what is reserved for it.

use std::convert::Infallible;

use bytes::{BufMut, Bytes};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use leasehold::{Account, Chain, http::ChainBody, layer::BudgetLayer};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::layer::{
    BUDGET, FLOOR,
    bodies::Scripted,
    lease_all, pool,
    requests::{charge, exactly, reserved, saying},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What is reserved for a body of unknown length, unless the layer is told otherwise.
const UNKNOWN_LEN: usize = 64 * KIB;

/// The most that is reserved for one request.
const QUARTER: usize = BUDGET / 4;

// ---- what is reserved ---------------------------------------------------------------------------

#[tokio::test]
async fn a_floor_and_the_length_that_is_announced_are_reserved() {
    let pool = pool();
    let layer = BudgetLayer::new(&pool);
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
    let layer = BudgetLayer::new(&pool).base_len(1_000).unknown_len(300).max_body(20_000);
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
    assert_eq!(reserved(&BudgetLayer::new(&pool).base_len(0), exactly(0)).await, 0);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn one_request_is_reserved_a_quarter_of_the_budget_at_most() {
    let pool = pool();
    for body in [
        exactly(QUARTER),
        exactly(usize::MAX),
        saying(usize::MAX, None),
        exactly(QUARTER - FLOOR + 1),
    ] {
        assert_eq!(reserved(&BudgetLayer::new(&pool), body).await, QUARTER);
    }
    assert_eq!(reserved(&BudgetLayer::new(&pool), exactly(QUARTER - FLOOR)).await, QUARTER);
    assert_eq!(
        reserved(&BudgetLayer::new(&pool).base_len(usize::MAX), exactly(usize::MAX)).await,
        QUARTER
    );
    assert_eq!(
        reserved(&BudgetLayer::new(&pool).unknown_len(usize::MAX), saying(0, None)).await,
        QUARTER
    );
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn no_more_is_reserved_than_the_smallest_limit() {
    let pool = pool();
    assert_eq!(
        reserved(&BudgetLayer::new(&pool).max_request(100_000), exactly(MIB)).await,
        100_000
    );
    let tenant = pool.account("tenant", 300_000);
    assert_eq!(reserved(&BudgetLayer::new(&tenant), exactly(MIB)).await, 300_000);
    assert_eq!(reserved(&BudgetLayer::new(&tenant).max_request(MIB), exactly(MIB)).await, 300_000);
    let route = tenant.account("route", MIB);
    assert_eq!(reserved(&BudgetLayer::new(&route), exactly(MIB)).await, 300_000);
    tenant.set_limit(200_000);
    assert_eq!(reserved(&BudgetLayer::new(&route), exactly(MIB)).await, 200_000);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_reserved_is_charged_to_the_layers_account_until_the_response_ends() {
    let pool = pool();
    let tenant = pool.account("tenant", MIB);
    let service = BudgetLayer::new(&tenant).layer(service_fn(charge));
    let response = service.oneshot(Request::new(exactly(1_000))).await.expect("an answer");
    let expected = FLOOR + 1_000;
    assert_eq!(
        (tenant.leased(), pool.leased(), pool.stats().reserved),
        (expected, expected, expected)
    );
    drop(response);
    assert_eq!((tenant.leased(), pool.leased(), pool.stats().reserved), (0, 0, 0));
}

// ---- the account of a request -------------------------------------------------------------------

/// What a service sees of a request's account.
async fn look_and_lease(request: Request<Scripted>) -> Result<Response<ChainBody>, Infallible> {
    let account = request.extensions().get::<Account>().expect("an account of its own");
    let before = account.leased();
    let mut block = account.try_lease(60 * KIB).expect("covered");
    assert_eq!(account.leased(), before, "the lease draws on the credit");
    block.put_slice(account.name().as_bytes());
    Ok(Response::new(ChainBody::new(Chain::from(block))))
}

#[tokio::test]
async fn a_request_has_an_account_of_its_own_whose_leases_draw_on_the_cover() {
    let pool = pool();
    let service = BudgetLayer::new(&pool).layer(service_fn(look_and_lease));
    let mut request = Request::new(exactly(1_000));
    // What the server gave it: the account of the connection.
    request.extensions_mut().insert(pool.account("connection", KIB));
    let first = service.clone().oneshot(request).await.expect("an answer");
    let others: Vec<_> = std::iter::from_fn(|| pool.try_reserve(QUARTER).ok()).collect();
    let second = service.oneshot(Request::new(exactly(1_000))).await.expect("an answer");
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(pool.leased(), others.len() * QUARTER + 2 * (FLOOR + 1_000));
    let accounts = pool.stats().accounts;
    let requests = accounts
        .iter()
        .filter(|account| account.name == "request" && account.leased == FLOOR + 1_000);
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
    let tenant = pool.account("tenant", 300 * KIB);
    for (layer, most) in [
        (BudgetLayer::new(&tenant), 300 * KIB),
        (BudgetLayer::new(&tenant).max_request(100 * KIB), 100 * KIB),
    ] {
        let service = layer.layer(service_fn(async |request: Request<Scripted>| {
            let account = request.extensions().get::<Account>().expect("an account of its own");
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
    let layer = BudgetLayer::new(&pool)
        .name_with(|method, uri, _| format!("{method} {}", uri.path()).into());
    let service = layer.layer(service_fn(charge));
    let request = Request::put("/photos?size=9").body(exactly(0)).expect("a request");
    let response = service.oneshot(request).await.expect("an answer");
    let accounts = pool.stats().accounts;
    let seen: Vec<_> = accounts.iter().map(|account| (&*account.name, account.leased)).collect();
    assert_eq!(seen, [("PUT /photos", FLOOR)]);
    drop(response);
    assert_eq!(pool.leased(), 0);
}

// ---- types --------------------------------------------------------------------------------------

/// `Router::layer` takes nothing that may fail: that it takes the layer as it is, as above, says
/// the same of it.
#[test]
fn errors_and_data_stay_those_of_the_inner_service() {
    fn is_like<S, B>(_: &S)
    where
        S: Service<Request<Scripted>, Error = Infallible, Response = Response<B>>,
        B: http_body::Body<Data = Chain, Error = Infallible>,
    {
    }
    let pool = pool();
    is_like(&BudgetLayer::new(&pool).layer(service_fn(look_and_lease)));
}

#[test]
fn all_may_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn is_send<T: Send + 'static>(_: &T) {}
    let pool = pool();
    let layer = BudgetLayer::new(&pool)
        .name_with(|_, _, _| "named".into())
        .refuse_with(|_| Response::default());
    is_send_and_sync(&layer);
    let mut service = layer.layer(service_fn(charge));
    is_send_and_sync(&service);
    let future = service.call(Request::new(exactly(0)));
    is_send(&future);
    drop(future);
    assert_eq!(pool.leased(), 0);
}
