//! An idle connection holds next to nothing: counted on the heap over 1,000 of them.
//!
//! The count is the whole process's, so the tests take turns.

#[path = "../../tests/support/heap/mod.rs"]
mod heap;
#[expect(dead_code, reason = "other stacks are measured elsewhere")]
#[path = "../idle/stacks.rs"]
mod stacks;

use heap::Counting;
use stacks::{Load, Stack, idle};

#[global_allocator]
static HEAP: Counting = Counting;

#[test]
fn an_idle_connection_holds_less_than_900_bytes_and_no_block() {
    let _alone = heap::alone();
    heap::files::allow(2_100);
    let ours = [
        (Stack::BareTask, 520),
        (Stack::RawReader, 700),
        (Stack::BufStream, 900),
        (Stack::Framed, 900),
        (Stack::CompatFramed, 900),
        (Stack::WebSocket, 900),
    ];
    for (stack, at_most) in ours {
        for load in [Load::Small, Load::Large] {
            let held = idle(stack, load, 1000);
            println!("{stack:?} after {load:?}: {held:?}");
            assert!(held.heap >= 256, "{stack:?}: a task and a socket are not even counted");
            assert!(
                held.heap <= at_most,
                "{stack:?}: {} bytes of heap a connection, at most {at_most}",
                held.heap
            );
            assert_eq!(held.leased, 0, "{stack:?}");
        }
    }
    // The count sees what it is to see.
    let rivals = [
        (Stack::TokioBufStream, 16 << 10),
        (Stack::TokioUtilFramed, 500_000),
        (Stack::TokioTungstenite, 2 << 20),
        (Stack::FastWebSockets, 1 << 20),
        (Stack::TokioWebSockets, 1 << 20),
    ];
    for (rival, at_least) in rivals {
        let held = idle(rival, Load::Large, 50);
        assert!(held.heap >= at_least, "{rival:?}: {} bytes of heap a connection", held.heap);
    }
}

#[test]
fn an_idle_http_connection_holds_less_than_800_bytes() {
    let _alone = heap::alone();
    heap::files::allow(2_100);
    for stack in [Stack::ServeHyper, Stack::ServeAxum] {
        for load in [Load::Small, Load::Large] {
            let held = idle(stack, load, 1000);
            println!("{stack:?} after {load:?}: {held:?}");
            assert!(held.heap >= 256, "{stack:?}: a task and a socket are not even counted");
            assert!(
                held.heap <= 800,
                "{stack:?} after {load:?}: {} bytes of heap a connection",
                held.heap
            );
            assert_eq!(held.leased, 0, "{stack:?}");
        }
    }
    // The count sees what it is to see.
    let stock = [(Stack::Hyper, 17 << 10, 400 << 10), (Stack::Axum, 27 << 10, 400 << 10)];
    for (stack, small, large) in stock {
        for (load, at_least) in [(Load::Small, small), (Load::Large, large)] {
            let held = idle(stack, load, 50);
            println!("{stack:?} after {load:?}: {held:?}");
            assert!(
                held.heap >= at_least,
                "{stack:?} after {load:?}: {} bytes of heap a connection",
                held.heap
            );
        }
    }
}
