//! What tonic holds for a message, where, and until when: `docs/benchmarks.md` has all figures.
//!
//! The count is the whole process's, so the tests take turns.

#[path = "../../examples/grpc/chain_codec.rs"]
mod chain_codec;
#[path = "../../tests/support/heap/mod.rs"]
mod heap;
#[path = "../grpc/held.rs"]
mod held;
#[path = "../grpc/raw.rs"]
mod raw;
#[path = "../grpc/service.rs"]
mod service;
#[path = "../grpc/wire.rs"]
mod wire;

use heap::Counting;
use held::{Calls, Moment, held, taken};
use service::Stack;

#[global_allocator]
static HEAP: Counting = Counting;

const MIB: usize = 1 << 20;

const LEN: usize = 4 * MIB;

/// What a connection and a call hold beside a message.
const BESIDE: isize = 256 << 10;

const FOUR: Calls = Calls { connections: 4, streams: 1 };

#[test]
fn a_message_is_in_the_heap_until_it_is_whole_and_then_in_blocks() {
    let _alone = heap::alone();
    let whole = LEN as isize;
    for (stack, moment, in_heap) in [
        (Stack::Tonic, Moment::Begun, 0),
        (Stack::Leasehold, Moment::Begun, 0),
        // tonic makes room for a message when its length has come, also behind our server.
        (Stack::Tonic, Moment::Announced, whole),
        (Stack::Leasehold, Moment::Announced, whole),
        (Stack::Tonic, Moment::AllButOne, whole),
        (Stack::Leasehold, Moment::AllButOne, whole),
        (Stack::Tonic, Moment::Kept, whole),
        (Stack::Leasehold, Moment::Kept, 0),
        (Stack::Tonic, Moment::Over, 0),
        (Stack::Leasehold, Moment::Over, 0),
        (Stack::Tonic, Moment::Streamed, 0),
        (Stack::Leasehold, Moment::Streamed, 0),
    ] {
        let held = held(stack, moment, LEN, FOUR);
        assert!(
            (in_heap..in_heap + BESIDE).contains(&held.heap),
            "{stack:?}, {moment:?}: {held:?}, and not {in_heap} and a little"
        );
        // The layer reserves twice the length for a call; it is given back with the call. The
        // server reserves the rest: hyper's buffers, a window, and what is unsent.
        let reserved = match (stack, moment) {
            (Stack::Tonic, _) => 0..1,
            (_, Moment::Over) => 0..64 << 10,
            _ => 2 * LEN - (256 << 10)..2 * LEN + (384 << 10),
        };
        assert!(reserved.contains(&held.leased), "{stack:?}, {moment:?}: {held:?}");
    }
}

#[test]
fn a_budget_takes_as_many_uploads_as_it_has_room_for() {
    let _alone = heap::alone();
    // A sixteenth is set aside for heads that wait. 60 MiB are room for seven calls of 8 MiB.
    let taken = taken(64 * MIB, LEN, 20);
    assert_eq!(taken.count, 7, "{taken:?}");
    assert!(taken.held.leased <= 64 * MIB, "{taken:?}");
    // Each of the others has a connection.
    assert!(taken.held.heap < (7 * LEN) as isize + 20 * BESIDE, "{taken:?}");
}
