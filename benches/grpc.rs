//! What a gRPC server holds for large messages, with tonic's server and with ours:
//! `cargo bench -p benches --bench grpc`.
//!
//! All figures are bytes of the heap for one message, without the blocks of the pool, which are
//! told beside them. The client is `Wire`, which has next to none.

#[path = "../examples/grpc/chain_codec.rs"]
mod chain_codec;
#[path = "../tests/support/heap/mod.rs"]
mod heap;
#[path = "grpc/held.rs"]
mod held;
#[path = "grpc/raw.rs"]
mod raw;
#[path = "grpc/service.rs"]
mod service;
#[path = "grpc/wire.rs"]
mod wire;

use heap::Counting;
use held::{Calls, Moment, held, taken};
use service::Stack;

use Moment::{AllButOne, Announced, Answered, Begun, Idle, Kept, Over, Streamed};

#[global_allocator]
static HEAP: Counting = Counting;

const MIB: usize = 1 << 20;

fn main() {
    // Without `--bench` it is only tried.
    let many = if std::env::args().any(|arg| arg == "--bench") { 100 } else { 3 };
    heap::files::allow(2 * many as u64 + 100);
    println!("heap bytes for each message; in brackets what is leased of the pool for it");
    let (connections, streams) = ("connections", "streams");
    println!(
        "{:<10} {:>4} {connections:>12} {streams:>8} {:>20} {:>24}",
        "", "MiB", "tonic", "leasehold"
    );
    for moment in [Idle, Begun, Announced, AllButOne, Kept, Over, Answered, Streamed] {
        for (len, connections, streams) in [
            (MIB, 1, 1),
            (MIB, many, 1),
            (MIB, 1, many),
            (8 * MIB, 1, 1),
            (8 * MIB, many, 1),
            (8 * MIB, 1, many),
        ] {
            let [stock, ours] = [Stack::Tonic, Stack::Leasehold].map(|stack| {
                let held = held(stack, moment, len, Calls { connections, streams });
                format!("{} ({})", held.heap, held.leased)
            });
            println!(
                "{:<10} {:>4} {connections:>12} {streams:>8} {stock:>20} {ours:>24}",
                format!("{moment:?}"),
                len / MIB
            );
        }
    }
    for budget in [64, 256] {
        let taken = taken(budget * MIB, 8 * MIB, many);
        println!(
            "{many} uploads of 8 MiB at once under {budget} MiB: {} are taken, {} bytes of heap, {} leased",
            taken.count, taken.held.heap, taken.held.leased
        );
    }
}
