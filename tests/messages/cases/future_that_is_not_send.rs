//! A future that is not `Send` is served.
//!
//! message: `…ServiceFn<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service is `Clone + Send + 'static`, its future is `Send + 'static`, and its error is `Into<BoxError>`

use std::{convert::Infallible, rc::Rc};

use axum::{body::Body, http::Response};
use hyper::Request;
use leasehold::http::serve::{RequestBody, serve};
use tokio::net::TcpListener;

async fn answer(_: Request<RequestBody>) -> Result<Response<Body>, Infallible> {
    let name = Rc::new("hello");
    tokio::task::yield_now().await;
    Ok(Response::new(Body::from(*name)))
}

pub async fn run(listener: TcpListener) {
    let _ = serve(listener, tower::service_fn(answer)).await;
}
