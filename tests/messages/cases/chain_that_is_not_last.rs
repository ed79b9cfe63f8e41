//! A chain takes the body, so it is the last argument. The hint is axum's.
//!
//! message: …Handler<_, _>…
//! note: Consider using `#[axum::debug_handler]`…

use axum::{Router, http::Method, routing::post};
use leasehold::Chain;

async fn answer(body: Chain, _: Method) -> Chain {
    body
}

pub fn app() -> Router {
    Router::new().route("/", post(answer))
}
