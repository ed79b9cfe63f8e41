//! What an idle connection holds on the heap: `cargo bench -p benches --bench idle`; `-- WebSocket`
//! takes the stacks with that word in their names.

#[path = "../tests/support/heap/mod.rs"]
mod heap;
#[path = "idle/stacks.rs"]
mod stacks;

use heap::Counting;
use stacks::{Load, Stack, idle, ws};

#[global_allocator]
static HEAP: Counting = Counting;

fn main() {
    // Without `--bench` it is only tried.
    let count = if std::env::args().any(|arg| arg == "--bench") { 1000 } else { 10 };
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    heap::files::allow(2 * count as u64 + 100);
    println!("heap bytes per idle connection, of {count}; in brackets what all of them lease");
    println!("{:<20} {:>22} {:>24}", "", "after 10 bytes or GET", "after 1 MB or POST");
    for stack in [
        Stack::BareTask,
        Stack::RawReader,
        Stack::BufStream,
        Stack::Framed,
        Stack::CompatFramed,
        Stack::TokioBufStream,
        Stack::TokioUtilFramed,
        Stack::ServeHyper,
        Stack::ServeAxum,
        Stack::Hyper,
        Stack::Axum,
        Stack::WebSocket,
        Stack::WebSocketAtEase,
        Stack::TokioTungstenite,
        Stack::FastWebSockets,
        Stack::TokioWebSockets,
    ] {
        if !format!("{stack:?}").contains(&word) {
            continue;
        }
        let [small, large] = [Load::Small, Load::Large].map(|load| {
            let held = idle(stack, load, count);
            format!("{} ({})", held.heap, held.leased)
        });
        println!("{:<20} {small:>22} {large:>24}", format!("{stack:?}"));
    }
    println!("a WebSocket consists of");
    for (part, len) in ws::parts() {
        println!("{part:<40} {len:>6}");
    }
}
