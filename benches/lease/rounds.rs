//! The cases, each run for leasehold and for its rival: by criterion first, then for a table of ratios.
//!
//! A case is a function from a count of rounds to the time that they took; both ways of measuring call the same one.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use criterion::Criterion;
use leasehold::{BlockMut, Pool};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Blocks that are live at once in the cases that touch them.
const LIVE: usize = 64;
const PAGE_LEN: usize = 4096;
/// Blocks that go to the other thread together, so that the two readings of the clock are spread over many.
const HANDED: u64 = 16;

/// How long one try of the table runs, and how many tries the best is taken of.
const TRY: Duration = Duration::from_millis(60);
const TRIES: usize = 9;

/// Where blocks come from. A trait rather than closures, which would stay calls: both rivals are to be inlined into the loops,
/// as they are where people write them.
trait Source {
    type Block: BufMut + Send;

    fn lease(&self, len: usize) -> Self::Block;
}

impl Source for Pool {
    type Block = BlockMut;

    #[inline(always)]
    fn lease(&self, len: usize) -> BlockMut {
        self.try_lease(len).expect("the budget is ample")
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

struct Case {
    group: &'static str,
    runs: Vec<Run>,
}

struct Run {
    name: String,
    rounds: Box<dyn Fn(u64) -> Duration>,
}

impl Run {
    fn new(name: impl Into<String>, rounds: impl Fn(u64) -> Duration + 'static) -> Self {
        Self { name: name.into(), rounds: Box::new(rounds) }
    }
}

/// Measures everything; `allocator` is what `BytesMut` runs on.
pub(crate) fn run(allocator: &str) {
    // glibc takes no lock until a process has had a second thread: malloc + free of 4 KiB take 20 ns before, 37 ns ever after.
    // A server has threads, so all cases are measured as if one had been there.
    thread::spawn(|| ()).join().expect("an empty thread does not panic");
    let cases = cases(allocator);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    for case in &cases {
        let mut group = criterion.benchmark_group(case.group);
        for run in &case.runs {
            group.bench_function(&run.name, |bencher| bencher.iter_custom(&run.rounds));
        }
        group.finish();
    }
    criterion.final_summary();
    // As criterion does: without this flag the bench is only tried, not measured.
    if std::env::args().any(|arg| arg == "--bench") {
        print_table(&cases);
    }
}

fn cases(allocator: &str) -> Vec<Case> {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    let child = pool.child("depth 1", 128 * MIB);
    let grandchild = child.child("depth 2", 128 * MIB);
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
    let alone = |name: &str, pool: &Pool| {
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
                Run::new("leasehold_one_child", move |rounds| two_threads(rounds, &shared, 4 * KIB)),
                Run::new(&rival, move |rounds| two_threads(rounds, &Heap, 4 * KIB)),
            ],
        },
        in_rotation("lease_touch_return/64KiB", 64 * KIB, Touch::Pages),
        in_rotation("lease_touch_return/1MiB", MIB, Touch::Pages),
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
    /// The first byte of each page.
    Pages,
    /// All bytes.
    Bytes,
}

/// Lease, touch, and return the oldest of [`LIVE`] blocks.
fn rotation<S: Source>(rounds: u64, source: &S, len: usize, touch: Touch) -> Duration {
    let touched = || {
        let mut block = source.lease(len);
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
    let mut live: VecDeque<S::Block> = (0..LIVE).map(|_| touched()).collect();
    let start = Instant::now();
    for _ in 0..rounds {
        drop(live.pop_front());
        live.push_back(touched());
    }
    start.elapsed()
}

/// Lease on one thread and drop on another, at the same time; only the leases and drops are timed, not the channel.
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
            let mut blocks = empty_receiver.try_recv().unwrap_or_else(|_| Vec::with_capacity(HANDED as usize));
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

/// Nanoseconds a round, the best of several tries taken in turns, and the ratio to the rival, who is last in its case.
fn print_table(cases: &[Case]) {
    println!("{:<32} {:<22} {:>10} {:>8}", "best of several, each round", "", "ns", "ratio");
    for case in cases {
        let rounds: Vec<u64> = case.runs.iter().map(|run| rounds_in(TRY, &run.rounds)).collect();
        let mut best = vec![f64::INFINITY; case.runs.len()];
        for _ in 0..TRIES {
            for ((run, &rounds), best) in case.runs.iter().zip(&rounds).zip(&mut best) {
                *best = best.min((run.rounds)(rounds).as_nanos() as f64 / rounds as f64);
            }
        }
        let rival = best.last().copied().unwrap_or(f64::NAN);
        for (run, ns) in case.runs.iter().zip(&best) {
            println!("{:<32} {:<22} {ns:>10.1} {:>8.2}", case.group, run.name, ns / rival);
        }
    }
}

/// About how many rounds take so long.
fn rounds_in(time: Duration, run: impl Fn(u64) -> Duration) -> u64 {
    let mut rounds = HANDED;
    loop {
        let took = run(rounds);
        if took >= time / 8 {
            return ((rounds as f64 * time.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
        }
        rounds *= 2;
    }
}
