//! WebSockets against tokio-tungstenite, fastwebsockets and tokio-websockets: echoes, broadcasts,
//! and what one costs the server.
//!
//! Each server is a thread of its own with one runtime. The client is one thread with plain
//! sockets, that writes frames made beforehand and counts bytes. `cargo bench -p benches --bench ws
//! -- broadcast` takes the cases with that word in their names.

#[path = "../tests/support/calls.rs"]
mod calls;
#[path = "../tests/support/heap/files.rs"]
mod files;

#[path = "ws/audience.rs"]
mod audience;
#[path = "ws/broadcast.rs"]
mod broadcast;
#[path = "ws/clock.rs"]
mod clock;
#[path = "ws/echo.rs"]
mod echo;
#[path = "ws/feeds.rs"]
mod feeds;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The limit of each socket's account.
const LIMIT: usize = 4 * MIB;

fn main() {
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    println!("load of this machine at the start: {}", clock::load());
    let sizes =
        [("echo_64B", 64), ("echo_1KiB", KIB), ("echo_16KiB", 16 * KIB), ("echo_1MiB", MIB)];
    let sizes: Vec<_> = sizes.into_iter().filter(|(name, _)| name.contains(&word)).collect();
    echo::measure(&sizes, is_measured);
    if "broadcast_12KiB".contains(&word) {
        broadcast::measure("broadcast_12KiB", is_measured);
    }
    println!("load of this machine at the end: {}", clock::load());
}
