//! A tower service takes the body of hyper itself.
//!
//! message: `…ServiceFn<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service of hyper is served through `from_hyper(service)`, and one of `Request<Incoming>` through `from_incoming(service)`

use std::convert::Infallible;

use axum::{body::Body, http::Response};
use hyper::{Request, body::Incoming};
use leasehold::http::serve;
use tokio::net::TcpListener;

async fn answer(_: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(Response::default())
}

pub async fn run(listener: TcpListener) {
    let _ = serve(listener, tower::service_fn(answer)).await;
}
