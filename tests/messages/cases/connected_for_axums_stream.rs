//! A type tells of axum's connections, and not of ours.
//!
//! message: `IntoMakeServiceWithConnectInfo<…>` cannot be served on the connections of `…TcpListener`
//! label: is neither a service of `Request<RequestBody>` nor makes services of axum's `Request`
//! note: `into_make_service_with_connect_info::<C>()` is served if `C` implements `Connected` for `leasehold::http::serve::IncomingStream<'_, L>`, not only for axum's

use axum::{Router, extract::connect_info::Connected, serve::IncomingStream};
use leasehold::http::serve;
use tokio::net::TcpListener;

#[derive(Clone)]
pub struct Client;

impl Connected<IncomingStream<'_, TcpListener>> for Client {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self
    }
}

pub async fn run(listener: TcpListener) {
    let _ = serve(listener, Router::new().into_make_service_with_connect_info::<Client>()).await;
}
