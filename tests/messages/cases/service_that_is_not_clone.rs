//! A service cannot be cloned.
//!
//! message: `…BoxService<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service is `Clone + Send + 'static`, its future is `Send + 'static`, and its error is `Into<BoxError>`

use std::convert::Infallible;

use axum::response::Response;
use hyper::Request;
use leasehold::http::serve::{RequestBody, serve};
use tokio::net::TcpListener;
use tower::util::BoxService;

pub async fn run(
    listener: TcpListener,
    app: BoxService<Request<RequestBody>, Response, Infallible>,
) {
    let _ = serve(listener, app).await;
}
