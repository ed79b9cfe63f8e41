//! Half of the subscribers of a feed stop reading: the others get every message in order, and
//! memory stays within the budget.
//!
//! Over real sockets, with the subscribers in a process of their own, so that this one's memory is
//! the server's. By default 400 messages of 12 KiB go to 400 subscribers; `LEASEHOLD_FULL=1` makes
//! that 5,000, which is for a release build: `LEASEHOLD_FULL=1 cargo test --release --test
//! ws_hub_slow_readers`.

#![cfg(target_os = "linux")]

mod feed;
mod subscribers;

#[path = "../support/mod.rs"]
mod support;

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use leasehold::ws::SlowPolicy;

use crate::support::heap;

/// Half of them stop reading.
const SUBSCRIBERS: usize = 400;

/// Bytes of a message.
const LEN: usize = 12 << 10;

/// How many messages are sent.
fn count() -> usize {
    if std::env::var_os("LEASEHOLD_FULL").is_some() { 5_000 } else { 400 }
}

/// Where the feed is, for the process of the subscribers.
const ADDRESS: &str = "LEASEHOLD_FEED";

fn start_subscribers(address: SocketAddr) -> Child {
    Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", "subscribe", "--ignored", "--nocapture"])
        .env(ADDRESS, address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("a test starts")
}

#[test]
fn those_who_read_get_every_message_while_half_of_all_stop_and_miss_the_oldest() {
    feed::run(SlowPolicy::DropOldest);
}

#[test]
fn those_who_read_get_every_message_while_half_of_all_stop_and_are_closed() {
    feed::run(SlowPolicy::Close);
}

#[test]
#[ignore = "it is the other process of those above"]
fn subscribe() {
    let address = std::env::var(ADDRESS).expect("where the feed is").parse().expect("an address");
    subscribers::run(address);
}
