//! A listener of axum's trait is not wrapped.
//!
//! message: `…TapIo<…>` is not a listener of `leasehold::http::serve`
//! label: connections cannot be taken from this
//! note: what implements `axum::serve::Listener` is served through `leasehold::http::serve::from_axum(listener)`

use axum::{Router, serve::ListenerExt};
use leasehold::http::serve;
use tokio::net::TcpListener;

pub async fn run(listener: TcpListener, app: Router) {
    let _ = serve(listener.tap_io(|_| {}), app).await;
}
