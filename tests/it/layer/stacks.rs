//! The layer among others: limits and timeouts above it, itself once more, and in a router.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::{DefaultBodyLimit, Request},
    routing::post,
};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use leasehold::{Account, layer::BudgetLayer};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::layer::{
    FLOOR,
    bodies::pattern,
    client::{Client, head},
    lease_all, pool,
    site::{SERVERS, routes, until, until_home},
};

const LEN: usize = 256 << 10;

#[tokio::test]
async fn a_request_that_waits_for_a_limit_above_the_layer_has_nothing_reserved_yet() {
    for server in SERVERS {
        let pool = pool();
        let late = HandleErrorLayer::new(async |error: BoxError| {
            assert!(error.is::<tower::timeout::error::Elapsed>());
            StatusCode::GATEWAY_TIMEOUT
        });
        let judged = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&judged);
        let layer = BudgetLayer::new(&pool).name_with(move |_, _, _| {
            count.fetch_add(1, Relaxed);
            "upload".into()
        });
        let stack = ServiceBuilder::new()
            .layer(late)
            .timeout(Duration::from_secs(1))
            .concurrency_limit(2)
            .layer(layer);
        let address = server.start(routes(&pool).layer(stack)).await;
        let mut clients = Vec::new();
        for count in 1..4 {
            let mut client = Client::connect(address).await;
            client.send(head("/wait", LEN)).await;
            until(|| pool.leased() == count.min(2) * (FLOOR + LEN)).await;
            clients.push(client);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(
            (judged.load(Relaxed), pool.leased()),
            (2, 2 * (FLOOR + LEN)),
            "{server:?}: the third one waits"
        );
        drop(clients.remove(0));
        until(|| judged.load(Relaxed) == 3 && pool.leased() == 2 * (FLOOR + LEN)).await;
        for client in &mut clients {
            assert_eq!(client.answer().await.expect("an answer").status, 504, "{server:?}");
        }
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_layer_of_routes_is_for_those_routes_and_one_of_a_router_for_whatever_comes() {
    for server in SERVERS {
        let pool = pool();
        let routed = routes(&pool)
            .route_layer(BudgetLayer::new(&pool))
            .route("/plain", post(async || "plain"));
        let all =
            Router::new().route("/plain", post(async || "plain")).layer(BudgetLayer::new(&pool));
        let mut clients = [
            Client::connect(server.start(routed).await).await,
            Client::connect(server.start(all).await).await,
        ];
        let held = lease_all(&pool);
        for (path, expected) in
            [("/echo", [503, 503]), ("/plain", [200, 503]), ("/missing", [404, 503])]
        {
            for (client, expected) in clients.iter_mut().zip(expected) {
                let answer = client.exchange(head(path, 0)).await.expect("an answer");
                assert_eq!(answer.status, expected, "{server:?} {path}");
            }
        }
        drop(held);
        for (path, expected) in
            [("/echo", [200, 404]), ("/plain", [200, 200]), ("/missing", [404, 404])]
        {
            for (client, expected) in clients.iter_mut().zip(expected) {
                let answer = client.exchange(head(path, 0)).await.expect("an answer");
                assert_eq!(answer.status, expected, "{server:?} {path}");
            }
        }
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn two_budgets_hold_for_a_request_that_passes_both() {
    let (outer, inner) = (pool(), pool());
    let stack = ServiceBuilder::new()
        .layer(BudgetLayer::new(&outer).name_with(|_, _, _| "outer".into()))
        .layer(BudgetLayer::new(&inner).name_with(|_, _, _| "inner".into()));
    let service = stack.service(service_fn(async |request: http::Request<Full<Bytes>>| {
        let account = request.extensions().get::<Account>().expect("an account of its own");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(account.name().to_owned())))
    }));
    let status = async || {
        let response =
            service.clone().oneshot(http::Request::new(Full::default())).await.expect("an answer");
        let leased = (outer.leased(), inner.leased());
        (
            response.status(),
            leased,
            response.into_body().collect().await.expect("a body").to_bytes(),
        )
    };
    assert_eq!(status().await, (StatusCode::OK, (FLOOR, FLOOR), Bytes::from("inner")));
    assert_eq!((outer.leased(), inner.leased()), (0, 0));

    // One that is refused further in has passed the first.
    let held = lease_all(&inner);
    let (refused, leased, _) = status().await;
    assert_eq!((refused, leased), (StatusCode::SERVICE_UNAVAILABLE, (FLOOR, inner.budget())));
    assert_eq!(outer.leased(), 0);
    drop(held);

    // Two accounts of one pool: the tenant's is reserved beside that of the whole.
    let tenant = outer.account("tenant", FLOOR);
    let stack =
        ServiceBuilder::new().layer(BudgetLayer::new(&outer)).layer(BudgetLayer::new(&tenant));
    let service = stack.service(service_fn(async |_: http::Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("served")))
    }));
    let first =
        service.clone().oneshot(http::Request::new(Full::default())).await.expect("an answer");
    let second = service.oneshot(http::Request::new(Full::default())).await.expect("an answer");
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE)
    );
    assert_eq!((tenant.leased(), outer.leased()), (FLOOR, 3 * FLOOR));
    drop((first, second));
    assert_eq!((outer.leased(), inner.leased()), (0, 0));
}

#[tokio::test]
async fn a_body_that_is_limited_above_the_layer_is_reserved_no_more_than_its_limit() {
    let pool = pool();
    let service =
        BudgetLayer::new(&pool).layer(service_fn(async |request: http::Request<Limited<Body>>| {
            let account =
                request.extensions().get::<Account>().expect("an account of its own").clone();
            let reserved = account.leased();
            let is_collected =
                leasehold::http::collect(request.into_body(), &account, usize::MAX).await.is_ok();
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!(
                "{reserved} {is_collected}"
            ))))
        }));
    let unsized_body =
        |len| Body::from_stream(futures_util::stream::iter([Ok::<_, Infallible>(pattern(len))]));
    for (body, reserved, is_collected) in [
        (Body::from(pattern(LEN)), 1_000, false),
        (Body::from(pattern(100)), 100, true),
        (unsized_body(LEN), 1_000, false),
        (unsized_body(100), 1_000, true),
    ] {
        let response = service.clone().oneshot(http::Request::new(Limited::new(body, 1_000)));
        let text = response
            .await
            .expect("an answer")
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        assert_eq!(text, format!("{} {is_collected}", FLOOR + reserved));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn axums_limit_of_a_body_holds_below_the_layer_and_above_it() {
    for server in SERVERS {
        let pool = pool();
        let (limit, layer) = (DefaultBodyLimit::max(100), BudgetLayer::new(&pool));
        for app in [
            routes(&pool).layer(limit).layer(layer.clone()),
            routes(&pool).layer(layer).layer(limit),
        ] {
            let address = server.start(app).await;
            for (len, status) in [(100, 200), (101, 413)] {
                let request = [head("/echo", len).into_bytes(), pattern(len)].concat();
                let answer =
                    Client::connect(address).await.exchange(request).await.expect("an answer");
                assert_eq!(answer.status, status, "{server:?}");
                until_home(&pool).await;
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_never_fails_needs_nobody_to_handle_its_errors() {
    let pool = pool();
    // As `Router::layer` demands it: axum takes no service that may fail.
    let app: Router = routes(&pool).layer(BudgetLayer::new(&pool)).layer(BudgetLayer::new(&pool));
    let response: Result<_, Infallible> = app.oneshot(Request::new(Body::empty())).await;
    assert_eq!(response.map(|response| response.status()), Ok(StatusCode::NOT_FOUND));
    assert_eq!(pool.leased(), 0);
}
