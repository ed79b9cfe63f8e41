//! The handshake of WebSockets (RFC 6455 §4), of servers and clients.

mod accepting;
mod connecting;
mod connections;
mod early;
mod extractor;
mod fake;
mod refusals;
mod refused;
use crate::support::{
    handshake::{client, site},
    transport,
};
mod transports;
mod tungstenite;
mod upgrades;
