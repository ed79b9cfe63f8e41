//! The handshake of a connection that is to be a WebSocket (RFC 6455 §4), of a server and of a
//! client.

pub(in crate::ws) mod acceptor;
pub(in crate::ws) mod agreed;
mod answer;
mod client_request;
pub(in crate::ws) mod connect;
pub(in crate::ws) mod connect_error;
mod early;
pub(in crate::ws) mod fields;
mod key;
pub(in crate::ws) mod offer;
mod target;
pub(in crate::ws) mod upgrade;
pub(in crate::ws) mod upgrade_error;
