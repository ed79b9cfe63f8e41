//! The flags.

use std::net::SocketAddr;

use bytesize::ByteSize;
use clap::Parser;

/// Relays TCP connections to another address, out of leased blocks, under one hard budget.
#[derive(Debug, Parser)]
#[command(name = "relay")]
pub(crate) struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// Where to relay to, such as 127.0.0.1:9001 or example.com:80.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) to: String,
    /// The memory of all connections together, such as 64MiB; at least 1MiB.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(crate) budget: ByteSize,
    /// Ends a connection that has moved no byte for this many seconds; 0 lets it stay for ever.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) idle_timeout: u64,
    /// Ends a connection if one side has ended, and the other has moved no byte for this many
    /// seconds; 0 lets it stay for ever.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) half_open_timeout: u64,
}

fn size(text: &str) -> Result<ByteSize, &'static str> {
    text.parse().map_err(|_| "write a number and a unit, such as 64MiB")
}
