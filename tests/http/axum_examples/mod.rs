//! The forms that axum's own examples have, told anew: on `axum::serve` and on `http::serve` they
//! answer the same, with a pool and without, before and after a connection was parked.

mod bodies;
mod connect;
mod events;
mod failures;
mod http2;
mod limits;
mod services;
mod shutdown;
mod site;
mod sockets;
mod unix;
mod visitor;
