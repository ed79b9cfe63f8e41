//! The cases of leasing, each run for leasehold and for its rival.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use leasehold::Pool;

use crate::ratios::{Case, Run, measure};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Blocks that are live at once in the cases that touch them.
const LIVE: usize = 64;
const PAGE_LEN: usize = 4096;
/// Blocks that go to the other thread together, so that the two readings of the clock are spread over many.
const HANDED: u64 = 16;

/// Measures everything; `allocator` is what `BytesMut` runs on.
pub(crate) fn run(allocator: &str) {
    measure(&cases(allocator));
}

fn cases(allocator: &str) -> Vec<Case> {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    let child = pool.child("depth 1", 128 * MIB);
    let grandchild = child.child("depth 2", 128 * MIB);
    let rival = format!("BytesMut_{allocator}");
    let of = |pool: &Pool, len: usize| {
        let pool = pool.clone();
        move || pool.try_lease(len).expect("the budget is ample")
    };
    let bytes_mut = |len: usize| move || BytesMut::with_capacity(len);
    let in_rotation = |group, len: usize, touch: Touch| {
        let ours = of(&pool, len);
        let theirs = bytes_mut(len);
        Case {
            group,
            runs: vec![
                Run::new("leasehold", move |rounds| rotation(rounds, &ours, touch)),
                Run::new(&rival, move |rounds| rotation(rounds, theirs, touch)),
            ],
        }
    };

    let (root_one, child_one, grandchild_one) = (of(&pool, 4 * KIB), of(&child, 4 * KIB), of(&grandchild, 4 * KIB));
    let child_two = of(&child, 4 * KIB);
    let handed = of(&pool, 64 * KIB);
    vec![
        Case {
            group: "lease_return/4KiB",
            runs: vec![
                Run::new("leasehold", move |rounds| one_thread(rounds, &root_one)),
                Run::new("leasehold_child", move |rounds| one_thread(rounds, &child_one)),
                Run::new("leasehold_grandchild", move |rounds| one_thread(rounds, &grandchild_one)),
                Run::new(&rival, move |rounds| one_thread(rounds, bytes_mut(4 * KIB))),
            ],
        },
        Case {
            group: "lease_return_two_threads/4KiB",
            runs: vec![
                Run::new("leasehold_one_child", move |rounds| two_threads(rounds, &child_two)),
                Run::new(&rival, move |rounds| two_threads(rounds, bytes_mut(4 * KIB))),
            ],
        },
        in_rotation("lease_touch_return/64KiB", 64 * KIB, Touch::Pages),
        in_rotation("lease_touch_return/1MiB", MIB, Touch::Pages),
        in_rotation("lease_fill_return/64KiB", 64 * KIB, Touch::Bytes),
        in_rotation("lease_fill_return/1MiB", MIB, Touch::Bytes),
        Case {
            group: "lease_here_drop_there/64KiB",
            runs: vec![
                Run::new("leasehold", move |rounds| handed_over(rounds, &handed)),
                Run::new(&rival, move |rounds| handed_over(rounds, bytes_mut(64 * KIB))),
            ],
        },
    ]
}

/// Lease and return, nothing else.
fn one_thread<B>(rounds: u64, lease: impl Fn() -> B) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        drop(black_box(lease()));
    }
    start.elapsed()
}

/// The same on two threads at once, each all rounds.
fn two_threads<B>(rounds: u64, lease: impl Fn() -> B + Sync) -> Duration {
    let ready = Barrier::new(2);
    let each = || {
        ready.wait();
        one_thread(rounds, &lease)
    };
    thread::scope(|scope| {
        let other = scope.spawn(each);
        let mine = each();
        mine.max(other.join().expect("a lease does not panic"))
    })
}

#[derive(Clone, Copy)]
enum Touch {
    /// The first byte of each page.
    Pages,
    /// All bytes.
    Bytes,
}

/// Lease, touch, and return the oldest of [`LIVE`] blocks.
fn rotation<B: BufMut>(rounds: u64, lease: impl Fn() -> B, touch: Touch) -> Duration {
    let touched = || {
        let mut block = lease();
        match touch {
            Touch::Pages => {
                let room = block.chunk_mut();
                for offset in (0..room.len()).step_by(PAGE_LEN) {
                    room.write_byte(offset, 1);
                }
            }
            Touch::Bytes => {
                let len = block.chunk_mut().len();
                block.put_bytes(1, len);
            }
        }
        black_box(block)
    };
    let mut live: VecDeque<B> = (0..LIVE).map(|_| touched()).collect();
    let start = Instant::now();
    for _ in 0..rounds {
        drop(live.pop_front());
        live.push_back(touched());
    }
    start.elapsed()
}

/// Lease on one thread and drop on another, at the same time; only the leases and drops are timed, not the channel.
fn handed_over<B: Send>(rounds: u64, lease: impl Fn() -> B) -> Duration {
    let (sender, receiver) = mpsc::sync_channel::<Vec<B>>(4);
    let (empty_sender, empty_receiver) = mpsc::channel::<Vec<B>>();
    thread::scope(|scope| {
        let there = scope.spawn(move || {
            let mut dropping = Duration::ZERO;
            while let Ok(mut blocks) = receiver.recv() {
                let start = Instant::now();
                blocks.clear();
                dropping += start.elapsed();
                // The other side may have ended already.
                let _ = empty_sender.send(blocks);
            }
            dropping
        });
        let mut leasing = Duration::ZERO;
        let mut left = rounds;
        while left > 0 {
            let count = left.min(HANDED);
            let mut blocks = empty_receiver.try_recv().unwrap_or_else(|_| Vec::with_capacity(HANDED as usize));
            let start = Instant::now();
            blocks.extend((0..count).map(|_| lease()));
            leasing += start.elapsed();
            sender.send(blocks).expect("the other side waits for more");
            left -= count;
        }
        drop(sender);
        leasing + there.join().expect("a drop does not panic")
    })
}
