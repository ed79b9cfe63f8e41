//! permessage-deflate (RFC 7692): what is agreed on, and messages both ways.

mod handshake;
mod memory;
mod negotiation;
mod receiving;
mod sending;
mod sharing;
use crate::support::transport;
mod wire;
