//! The handshake of WebSockets (RFC 6455 §4), of servers and clients.

mod client;
mod connections;
mod early;
mod refusals;
mod site;
mod upgrades;
