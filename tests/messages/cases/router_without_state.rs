//! A router still needs its state.
//!
//! message: `Router<Database>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: a `Router<S>` is served once it has its state: `router.with_state(state)`

use axum::{Router, extract::State, routing::get};
use leasehold::http::serve;
use tokio::net::TcpListener;

#[derive(Clone)]
pub struct Database;

pub async fn run(listener: TcpListener, app: Router<Database>) {
    let app = app.route("/", get(async |_: State<Database>| "hello"));
    let _ = serve(listener, app).await;
}
