//! An idle connection of the HTTP server holds next to nothing: counted on the heap over 1,000 of them, with all that belongs to them:
//! their tasks, their places in the list of deadlines, and the accounts that they open while they are awake.
//!
//! One test, for the count is the whole process's.

#[path = "../benches/heap/mod.rs"]
mod heap;
#[expect(dead_code, reason = "other stacks are measured elsewhere")]
#[path = "../benches/idle/stacks.rs"]
mod stacks;

use heap::Counting;
use stacks::{Load, Stack, idle};

#[global_allocator]
static HEAP: Counting = Counting;

#[test]
fn an_idle_http_connection_holds_less_than_800_bytes() {
    heap::files::allow(2_100);
    for stack in [Stack::ServeHyper, Stack::ServeAxum] {
        for load in [Load::Small, Load::Large] {
            let held = idle(stack, load, 1000);
            println!("{stack:?} after {load:?}: {held:?}");
            assert!(held.heap >= 256, "{stack:?}: a task and a socket are not even counted");
            assert!(held.heap <= 800, "{stack:?} after {load:?}: {} bytes of heap a connection", held.heap);
            assert_eq!(held.leased, 0, "{stack:?}");
        }
    }
    // The count sees what it is to see.
    let stock = [(Stack::Hyper, 17 << 10, 400 << 10), (Stack::Axum, 27 << 10, 400 << 10)];
    for (stack, small, large) in stock {
        for (load, at_least) in [(Load::Small, small), (Load::Large, large)] {
            let held = idle(stack, load, 50);
            println!("{stack:?} after {load:?}: {held:?}");
            assert!(held.heap >= at_least, "{stack:?} after {load:?}: {} bytes of heap a connection", held.heap);
        }
    }
}
