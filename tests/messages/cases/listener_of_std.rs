//! A listener of std is served.
//!
//! message: `…TcpListener` is not a listener of `leasehold::http::serve`
//! label: connections cannot be taken from this
//! note: a listener of std becomes one of tokio: `listener.set_nonblocking(true)?`, then `tokio::net::TcpListener::from_std(listener)?`

use std::net::TcpListener;

use axum::Router;
use leasehold::http::serve;

pub async fn run(listener: TcpListener, app: Router) {
    let _ = serve(listener, app).await;
}
