//! The HTTP server over real sockets and against the clock. They are apart, so that no test of pure
//! computing takes their time.

mod http2_websockets;
mod http_clients;
mod http_forms;
mod http_full;
mod http_parking;
mod http_proxy;
mod http_serve;
mod http_stall;
mod http_stop;

#[path = "../support/mod.rs"]
mod support;
