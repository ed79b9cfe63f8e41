//! Frames of WebSockets, against tungstenite's.

use std::sync::LazyLock;

use leasehold::{Pool, ws::Role};
use tokio::runtime;

use super::input::Input;

#[path = "../it/ws_fuzz/compare.rs"]
mod compare;
#[path = "../it/ws_fuzz/difference.rs"]
#[allow(dead_code, reason = "its own tests want each of them to be seen")]
mod difference;
#[path = "../it/ws_fuzz/ours.rs"]
#[allow(dead_code, reason = "its own tests read in two pieces, too")]
mod ours;
#[path = "../it/ws_fuzz/outcome.rs"]
mod outcome;
#[path = "../it/ws_fuzz/theirs.rs"]
mod theirs;
#[path = "../support/transport/mod.rs"]
mod transport;

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new(16 << 20).expect("a pool"));

/// The first two bytes say who reads, and in pieces of what length; the others are the stream.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let role = if input.byte() & 1 == 0 { Role::Server } else { Role::Client };
    let cut = match input.byte() {
        0 => usize::MAX,
        cut => usize::from(cut),
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(compare::compare(role, input.rest(), cut, &POOL));
}
