//! An argument of a handler cannot be extracted. The hint is axum's.
//!
//! message: …Handler<_, _>…
//! note: Consider using `#[axum::debug_handler]`…

use axum::{Router, routing::get};

pub struct Database;

async fn answer(_: Database) -> &'static str {
    "hello"
}

pub fn app() -> Router {
    Router::new().route("/", get(answer))
}
