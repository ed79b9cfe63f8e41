//! The example `serve`, as its users meet it: the real program, real files, real sockets.

#![allow(
    unreachable_pub,
    reason = "nothing is reachable from outside of a test; `pub` says what a module offers the others"
)]

mod client;
mod connections;
mod curl;
mod files;
mod flags;
mod load;
mod log;
mod memory;
mod mounted;
mod page;
mod paths;
mod ranges;
mod server;
mod site;
mod socket;
mod sockets;
mod uploads;
