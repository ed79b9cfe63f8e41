//! What messages hold on the heap at one moment of their calls.

use std::{thread::sleep, time::Duration};

use super::{
    heap,
    service::{Server, Stack},
    wire::Wire,
};

const MIB: usize = 1 << 20;

/// When the heap is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The connection has had a call without bytes, and has none now.
    Idle,
    /// The head of a call has come.
    Begun,
    /// Five bytes have come: they say how long the message will be.
    Announced,
    /// All of the message but one byte has come.
    AllButOne,
    /// The handler has the message.
    Kept,
    /// The call is over, and the connection is open.
    Over,
    /// The answer is one message, and the client does not read it.
    Answered,
    /// The answer is a stream of messages of 64 KiB, and the client does not read it.
    Streamed,
}

use Moment::{AllButOne, Announced, Answered, Begun, Idle, Kept, Over, Streamed};

/// Where the calls of a measurement are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) connections: usize,
    /// On each connection.
    pub(crate) streams: usize,
}

/// What one message holds: a part of all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Bytes of the heap.
    pub(crate) heap: isize,
    /// Bytes leased or reserved of the pool.
    pub(crate) leased: usize,
}

/// What each message of `len` bytes holds when all calls are at that moment. No call is refused.
pub(crate) fn held(stack: Stack, moment: Moment, len: usize, calls: Calls) -> Held {
    let count = calls.connections * calls.streams;
    let server = Server::start(stack, (2 * len + MIB) * count * 2 + 64 * MIB, 2 * len);
    warm_up(&server);
    let (before, leased_before) = (settled(), server.pool.leased());
    let mut wires = Vec::with_capacity(calls.connections);
    for _ in 0..calls.connections {
        let mut wire = Wire::connect(server.address);
        (0..calls.streams).for_each(|_| begin(&mut wire, moment, len));
        wires.push(wire);
    }
    if moment == Over {
        server.kept.add_permits(count);
        wires.iter_mut().for_each(Wire::finish);
    }
    let heap = settled() - before;
    let leased = server.pool.leased() - leased_before;
    Held { heap: heap / count as isize, leased: leased / count }
}

fn begin(wire: &mut Wire, moment: Moment, len: usize) {
    match moment {
        Idle => {
            wire.call("/Bench/Whole/0");
            wire.announce(0);
            wire.end();
            wire.finish();
        }
        Begun => wire.call("/Bench/Keep"),
        Announced | AllButOne | Kept | Over => {
            wire.call("/Bench/Keep");
            wire.announce(len);
            match moment {
                Announced => (),
                AllButOne => wire.send_zeros(len - 1),
                _ => {
                    wire.send_zeros(len);
                    wire.end();
                }
            }
        }
        Answered | Streamed => {
            let method = if moment == Answered { "Whole" } else { "Pieces" };
            wire.call(&format!("/Bench/{method}/{len}"));
            wire.announce(0);
            wire.end();
        }
    }
}

/// What uploads hold together when all but one byte of each has come, as far as they are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// How many of the calls.
    pub(crate) count: usize,
    /// What all of them hold together.
    pub(crate) held: Held,
}

/// What uploads of `len` bytes hold under a budget, on connections of their own.
pub(crate) fn taken(budget: usize, len: usize, connections: usize) -> Taken {
    let server = Server::start(Stack::Leasehold, budget, 2 * len);
    warm_up(&server);
    let before = settled();
    let mut wires = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut wire = Wire::connect(server.address);
        begin(&mut wire, AllButOne, len);
        wires.push(wire);
    }
    let count = wires.iter().filter(|wire| !wire.is_answered()).count();
    let heap = settled() - before;
    Taken { count, held: Held { heap, leased: server.pool.leased() } }
}

/// A call and its end, so that what a process allocates once is not counted.
fn warm_up(server: &Server) {
    let mut wire = Wire::connect(server.address);
    begin(&mut wire, Idle, 0);
    drop(wire);
}

/// The bytes that are out when nothing changes any more.
fn settled() -> isize {
    let mut last = heap::live();
    let mut same = 0;
    while same < 8 {
        sleep(Duration::from_millis(25));
        let now = heap::live();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}
