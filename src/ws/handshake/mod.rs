//! The handshake of a WebSocket (RFC 6455 §4, RFC 8441), for servers and for clients.

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
pub(in crate::ws) mod promise;
mod target;
pub(in crate::ws) mod upgrade;
pub(in crate::ws) mod upgrade_error;
