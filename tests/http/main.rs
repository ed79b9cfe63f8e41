//! The HTTP server over real sockets and against the clock. They are apart, so that no test of pure
//! computing takes their time.

mod axum_examples;
mod configured;
mod http2_room;
mod http2_websockets;
mod http_clients;
mod http_forms;
mod http_full;
mod http_parking;
mod http_proxy;
mod http_serve;
mod http_stall;
mod http_stop;
mod own_loop;
mod unread_bodies;

#[path = "../support/mod.rs"]
mod support;
