//! The error of a service is no `Error`.
//!
//! message: `…ServiceFn<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service is `Clone + Send + 'static`, its future is `Send + 'static`, and its error is `Into<BoxError>`

use axum::{body::Body, http::Response};
use hyper::Request;
use leasehold::http::serve::{RequestBody, serve};
use tokio::net::TcpListener;

pub struct Broken;

async fn answer(_: Request<RequestBody>) -> Result<Response<Body>, Broken> {
    Err(Broken)
}

pub async fn run(listener: TcpListener) {
    let _ = serve(listener, tower::service_fn(answer)).await;
}
