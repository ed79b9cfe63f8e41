//! A service of axum's own request makes no services.
//!
//! message: `…BoxCloneService<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service of axum's `Request` is served through `axum::ServiceExt::into_make_service(service)`

use std::convert::Infallible;

use axum::{extract::Request, response::Response};
use leasehold::http::serve;
use tokio::net::TcpListener;
use tower::util::BoxCloneService;

pub async fn run(listener: TcpListener, app: BoxCloneService<Request, Response, Infallible>) {
    let _ = serve(listener, app).await;
}
