//! The cases of leasing, each run for leasehold and for its rival.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut, buf::UninitSlice};
use leasehold::{Account, BlockMut, Pool};

use crate::ratios::{Case, Run, measure};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Blocks that are live at once in the cases that touch them.
const LIVE: usize = 64;
const PAGE_LEN: usize = 4096;
const LINE_LEN: usize = 64;
/// Blocks that go to the other thread together, so that the two readings of the clock are spread
/// over many.
const HANDED: u64 = 16;

/// Where blocks come from. A trait rather than closures, which would stay calls: both rivals are to
/// be inlined into the loops, as they are where people write them.
trait Source {
    type Block: BufMut + Send;

    fn lease(&self, len: usize) -> Self::Block;
}

impl Source for Account {
    type Block = BlockMut;

    #[inline(always)]
    fn lease(&self, len: usize) -> BlockMut {
        self.try_lease(len).expect("the budget is ample")
    }
}

impl Source for Pool {
    type Block = BlockMut;

    #[inline(always)]
    fn lease(&self, len: usize) -> BlockMut {
        Source::lease(&**self, len)
    }
}

/// `BytesMut` on the global allocator.
struct Heap;

impl Source for Heap {
    type Block = BytesMut;

    #[inline(always)]
    fn lease(&self, len: usize) -> BytesMut {
        BytesMut::with_capacity(len)
    }
}

/// Measures everything; `allocator` is what `BytesMut` runs on.
pub(crate) fn run(allocator: &str) {
    // glibc takes no lock until a process has had a second thread: malloc + free of 4 KiB take 20
    // ns before, 37 ns ever after. A server has threads, so all cases are measured as if one had
    // been there.
    thread::spawn(|| ()).join().expect("an empty thread does not panic");
    measure(&cases(allocator));
}

fn cases(allocator: &str) -> Vec<Case> {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    let child = pool.account("depth 1", 128 * MIB);
    let grandchild = child.account("depth 2", 128 * MIB);
    let rival = format!("BytesMut_{allocator}");
    let in_rotation = |group, len: usize, touch: Touch| {
        let pool = pool.clone();
        Case {
            group,
            runs: vec![
                Run::new("leasehold", move |rounds| rotation(rounds, &pool, len, touch)),
                Run::new(&rival, move |rounds| rotation(rounds, &Heap, len, touch)),
            ],
        }
    };
    let alone = |name: &str, pool: &Account| {
        let pool = pool.clone();
        Run::new(name, move |rounds| one_thread(rounds, &pool, 4 * KIB))
    };
    let (shared, handed) = (child.clone(), pool.clone());
    vec![
        Case {
            group: "lease_return/4KiB",
            runs: vec![
                alone("leasehold", &pool),
                alone("leasehold_child", &child),
                alone("leasehold_grandchild", &grandchild),
                Run::new(&rival, move |rounds| one_thread(rounds, &Heap, 4 * KIB)),
            ],
        },
        Case {
            group: "lease_return_two_threads/4KiB",
            runs: vec![
                Run::new("leasehold_one_child", move |rounds| {
                    two_threads(rounds, &shared, 4 * KIB)
                }),
                Run::new(&rival, move |rounds| two_threads(rounds, &Heap, 4 * KIB)),
            ],
        },
        in_rotation("lease_touch_return/64KiB", 64 * KIB, Touch::Pages),
        in_rotation("lease_touch_return/1MiB", MIB, Touch::Pages),
        in_rotation("lease_touch_lines_return/64KiB", 64 * KIB, Touch::Lines),
        in_rotation("lease_touch_lines_return/1MiB", MIB, Touch::Lines),
        in_rotation("lease_fill_return/64KiB", 64 * KIB, Touch::Bytes),
        in_rotation("lease_fill_return/1MiB", MIB, Touch::Bytes),
        Case {
            group: "lease_here_drop_there/64KiB",
            runs: vec![
                Run::new("leasehold", move |rounds| handed_over(rounds, &handed, 64 * KIB)),
                Run::new(&rival, move |rounds| handed_over(rounds, &Heap, 64 * KIB)),
            ],
        },
    ]
}

/// Lease and return, nothing else.
fn one_thread<S: Source>(rounds: u64, source: &S, len: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        drop(black_box(source.lease(len)));
    }
    start.elapsed()
}

/// The same on two threads at once, each all rounds.
fn two_threads<S: Source + Sync>(rounds: u64, source: &S, len: usize) -> Duration {
    let ready = Barrier::new(2);
    let each = || {
        ready.wait();
        one_thread(rounds, source, len)
    };
    thread::scope(|scope| {
        let other = scope.spawn(each);
        let mine = each();
        mine.max(other.join().expect("a lease does not panic"))
    })
}

#[derive(Clone, Copy)]
enum Touch {
    /// The first byte of each page. Our blocks begin at pages, so all touches of all blocks meet in
    /// 32 of the 2,048 sets of an L2 cache of 2 MiB and push each other out; glibc's chunks are 16
    /// bytes off each other.
    Pages,
    /// One byte of each page, each on another cache line, as data that fills its block would be.
    Lines,
    /// All bytes.
    Bytes,
}

/// Writes one byte of each page.
fn touch_pages(room: &mut UninitSlice, within: impl Fn(usize) -> usize) {
    for page in 0..room.len() / PAGE_LEN {
        room.write_byte(page * PAGE_LEN + within(page), 1);
    }
}

/// Lease, touch, and return the oldest of [`LIVE`] blocks.
fn rotation<S: Source>(rounds: u64, source: &S, len: usize, touch: Touch) -> Duration {
    let touched = || {
        let mut block = source.lease(len);
        match touch {
            Touch::Pages => touch_pages(block.chunk_mut(), |_page| 0),
            Touch::Lines => touch_pages(block.chunk_mut(), |page| page * LINE_LEN % PAGE_LEN),
            Touch::Bytes => {
                let len = block.chunk_mut().len();
                block.put_bytes(1, len);
            }
        }
        black_box(block)
    };
    let mut live: VecDeque<S::Block> = (0..LIVE).map(|_| touched()).collect();
    let start = Instant::now();
    for _ in 0..rounds {
        drop(live.pop_front());
        live.push_back(touched());
    }
    start.elapsed()
}

/// Lease on one thread and drop on another, at the same time; only the leases and drops are timed,
/// not the channel.
fn handed_over<S: Source>(rounds: u64, source: &S, len: usize) -> Duration {
    let (sender, receiver) = mpsc::sync_channel::<Vec<S::Block>>(4);
    let (empty_sender, empty_receiver) = mpsc::channel::<Vec<S::Block>>();
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
            let mut blocks =
                empty_receiver.try_recv().unwrap_or_else(|_| Vec::with_capacity(HANDED as usize));
            let start = Instant::now();
            blocks.extend((0..count).map(|_| source.lease(len)));
            leasing += start.elapsed();
            sender.send(blocks).expect("the other side waits for more");
            left -= count;
        }
        drop(sender);
        leasing + there.join().expect("a drop does not panic")
    })
}
