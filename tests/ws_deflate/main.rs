//! permessage-deflate (RFC 7692): what is agreed on, and messages both ways.

mod handshake;
mod memory;
mod negotiation;
mod receiving;
mod sending;
mod sharing;
#[path = "../transport/mod.rs"]
mod transport;
mod wire;
