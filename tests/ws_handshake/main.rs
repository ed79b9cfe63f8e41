//! The handshake of WebSockets (RFC 6455 §4), of servers and clients.

mod client;
mod connecting;
mod connections;
mod early;
mod fake;
mod refusals;
mod refused;
mod site;
mod tungstenite;
mod upgrades;
