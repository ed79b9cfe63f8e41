//! A store behind a limit of requests, a shedder of load and a timeout.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::Bytes,
    error_handling::HandleErrorLayer,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    routing::get,
};
use tokio::time::sleep;
use tower::{
    ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed::error::Overloaded,
    timeout::error::Elapsed,
};

use super::site::everywhere;

/// How long a request may take. A request that is answered at once must be, on a busy machine too.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Store {
    values: Arc<Mutex<HashMap<String, Bytes>>>,
    /// How many requests never end.
    endless: Arc<AtomicUsize>,
}

async fn load(State(store): State<Store>, Path(key): Path<String>) -> Result<Bytes, StatusCode> {
    if key == "endless" {
        store.endless.fetch_add(1, Relaxed);
        std::future::pending::<()>().await;
    }
    store.values.lock().expect("no panic").get(&key).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn keep(State(store): State<Store>, Path(key): Path<String>, value: Bytes) {
    store.values.lock().expect("no panic").insert(key, value);
}

async fn explain(error: BoxError) -> (StatusCode, &'static str) {
    if error.is::<Elapsed>() {
        (StatusCode::REQUEST_TIMEOUT, "it took too long")
    } else if error.is::<Overloaded>() {
        (StatusCode::SERVICE_UNAVAILABLE, "the store is busy")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "something else")
    }
}

fn app() -> Router {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(explain))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .timeout(TIMEOUT);
    let endless = async |State(store): State<Store>| store.endless.load(Relaxed).to_string();
    Router::new()
        .route("/store/{key}", get(load).post(keep))
        .layer(limits)
        .layer(DefaultBodyLimit::max(1000))
        .route("/endless", get(endless))
        .with_state(Store::default())
}

#[tokio::test]
async fn a_store_keeps_values_sheds_load_and_ends_what_takes_too_long() {
    let seen = everywhere(app, async |site| {
        let (mut one, mut other) = (site.visitor().await, site.visitor().await);
        let mut seen = Vec::new();
        let long = "x".repeat(1001);
        for (method, body) in [("GET", ""), ("POST", "value"), ("GET", ""), ("POST", &*long)] {
            seen.push(one.ask(method, "/store/key", body).await);
            site.rest().await;
        }
        let mut one =
            if seen[3].header("connection").is_some() { site.visitor().await } else { one };
        let busy = async {
            while other.get("/endless").await.body == "0" {
                sleep(Duration::from_millis(5)).await;
            }
            other.get("/store/key").await
        };
        let (endless, busy) = tokio::join!(one.get("/store/endless"), busy);
        seen.extend([endless, busy, other.get("/store/key").await]);
        seen
    })
    .await;
    let seen: Vec<_> = seen.iter().map(|seen| (seen.status.as_u16(), &*seen.body)).collect();
    assert_eq!(seen[..3], [(404, ""), (200, ""), (200, "value")]);
    assert_eq!(seen[3].0, 413);
    assert_eq!(seen[4..6], [(408, "it took too long"), (503, "the store is busy")]);
    assert_eq!(seen[6], (200, "value"));
}
