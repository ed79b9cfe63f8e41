//! `BudgetLayer` stands around a service of something else than requests.
//!
//! message: `Budget<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service of hyper is served through `from_hyper(service)`, and one of `Request<Incoming>` through `from_incoming(service)`

use std::convert::Infallible;

use leasehold::{Pool, http::serve, layer::BudgetLayer};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

pub async fn run(listener: TcpListener, pool: Pool) {
    let doubles = service_fn(async |number: u32| Ok::<_, Infallible>(2 * number));
    let _ = serve(listener, BudgetLayer::new(&pool).layer(doubles)).await;
}
