//! The handshake of WebSockets (RFC 6455 §4), of servers and clients.

mod accepting;
mod client;
mod connecting;
mod connections;
mod early;
mod extractor;
mod fake;
mod refusals;
mod refused;
mod site;
#[path = "../transport/mod.rs"]
mod transport;
mod transports;
mod tungstenite;
mod upgrades;
