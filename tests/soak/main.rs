//! A soak: mixed traffic over sockets with all kinds of faults, out of one pool of 32 MiB.
//!
//! Servers of every kind, and guests that look at each byte that comes back. A guest that is hung
//! up on must have given cause, or find that there was no memory. When all have gone, everything is
//! home: blocks, charges, reservations, descriptors, tasks, and the pool's memory.
//!
//! `cargo test` runs it for a moment; for ten minutes, or `LEASEHOLD_SOAK_SECONDS`:
//!
//! ```sh
//! cargo test --release --test soak -- --ignored --nocapture
//! ```
//!
//! It prints one line of figures. `LEASEHOLD_SEED` repeats what guests do, though not who is first.

#![cfg(target_os = "linux")]

mod bad_requests;
mod counted;
mod dice;
mod echo;
mod excuses;
mod feed;
mod frames;
mod guest;
mod home;
mod house;
mod hub;
mod limits;
mod lines;
mod listening;
mod order;
mod piece;
mod relay;
mod requests;
mod runtimes;
mod site;
mod soak;
mod sockets;
mod storm;
mod tally;
mod visits;
mod watch;
mod wire;

use std::time::Duration;

#[path = "../support/mod.rs"]
mod support;

use crate::{soak::soak, support::seed};

#[test]
fn for_a_moment_no_byte_is_wrong_and_everything_comes_home() {
    soak(Duration::from_secs(12));
}

#[test]
#[ignore = "it takes ten minutes"]
fn for_minutes_no_byte_is_wrong_and_everything_comes_home() {
    let seconds =
        std::env::var("LEASEHOLD_SOAK_SECONDS").map_or(600, |text| text.parse().expect("a number"));
    soak(Duration::from_secs(seconds));
}
