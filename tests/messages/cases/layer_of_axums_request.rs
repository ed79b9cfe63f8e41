//! A layer that rewrites requests before a router sees them takes axum's own request.
//!
//! message: `Rewrites<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a service of axum's `Request` is served through `axum::ServiceExt::into_make_service(service)`

use std::task::{Context, Poll};

use axum::{Router, extract::Request};
use leasehold::http::serve;
use tokio::net::TcpListener;
use tower::Service;

#[derive(Clone)]
pub struct Rewrites<S>(S);

impl<S: Service<Request>> Service<Request> for Rewrites<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

pub async fn run(listener: TcpListener) {
    let _ = serve(listener, Rewrites(Router::new())).await;
}
