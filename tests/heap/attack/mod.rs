//! Hostile peers: each attack is a test with a figure.
//!
//! During each of them a client with good manners is served by the same server, on the same thread,
//! and says how long it had to wait at most; memory stays within its cap, and all of it is home
//! afterwards. `cargo test --test heap attack:: -- --nocapture --test-threads 1` prints a line for
//! each.
//!
//! Servers run on one thread each: who takes it for long takes it from all. Peers are plain sockets
//! of the standard library, which hold no heap of their own, so that what the heap holds is the
//! server's. For that reason there is one server at a time.

#![cfg(target_os = "linux")]

mod assault;
mod crowd;
mod crumbs;
mod endless;
mod floods;
mod frames;
mod half_closed;
mod halts;
mod heads;
mod http;
mod lengths;
mod neighbour;
mod peer;
mod pipelines;
mod readers;
mod shelf;
mod site;
mod slices;
mod sockets;
mod wire;

use crate::support::heap;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
