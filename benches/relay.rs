//! `io::Relay` against tokio's `copy_bidirectional`: bytes a second, processor time, and memory of 1,000 idle connections.

mod heap;
#[path = "../tests/relay_memory/idle.rs"]
mod idle;
#[path = "relay/throughput.rs"]
mod throughput;

use std::time::Duration;

use leasehold::{
    Pool,
    io::{Relay, limit_unsent},
};
use tokio::io::{copy_bidirectional, copy_bidirectional_with_sizes};

use crate::{
    heap::Counting,
    throughput::{Taken, round},
};

#[global_allocator]
static HEAP: Counting = Counting;

const ROUNDS: usize = 9;
const ROUND_LEN: usize = 512 << 20;
const IDLE_COUNT: usize = 1000;
/// tokio's buffers are of 8 KiB by default; these are as large as our blocks.
const LARGE_BUF_LEN: usize = 64 << 10;

/// Names of what is measured; the last one is the rival.
const NAMES: [&str; 4] = ["Relay", "Relay, limit_unsent 128 KiB", "tokio, buffers of 64 KiB", "tokio"];

fn main() -> anyhow::Result<()> {
    // As criterion does: without this flag the bench is only tried, not measured.
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let (rounds, len, count) = if is_measured { (ROUNDS, ROUND_LEN, IDLE_COUNT) } else { (1, 1 << 20, 2) };
    heap::files::allow(4 * count as u64 + 100);
    let pool = Pool::new(64 << 20)?;
    print_throughput("one way", &pool, rounds, len, false)?;
    print_throughput("both ways", &pool, rounds, len, true)?;
    print_idle(&pool, count)?;
    assert_eq!(pool.leased(), 0);
    Ok(())
}

/// Runs all in turns, several times, and prints the best of each.
fn print_throughput(name: &str, pool: &Pool, rounds: usize, len: usize, both_ways: bool) -> anyhow::Result<()> {
    let mut taken: [Vec<Taken>; NAMES.len()] = Default::default();
    for _ in 0..rounds {
        let now = [
            round(len, both_ways, |a, b| Relay::new(a, b, pool))?,
            round(len, both_ways, async |a, b| {
                limit_unsent(&a, 128 << 10)?;
                limit_unsent(&b, 128 << 10)?;
                Relay::new(a, b, pool).await
            })?,
            round(len, both_ways, async |mut a, mut b| {
                copy_bidirectional_with_sizes(&mut a, &mut b, LARGE_BUF_LEN, LARGE_BUF_LEN).await
            })?,
            round(len, both_ways, async |mut a, mut b| copy_bidirectional(&mut a, &mut b).await)?,
        ];
        taken.iter_mut().zip(now).for_each(|(taken, now)| taken.push(now));
    }
    let mib = (if both_ways { 2 * len } else { len }) as f64 / f64::from(1 << 20);
    let per_s = |time: Duration| mib / time.as_secs_f64();
    let us_per_mib = |time: Duration| time.as_secs_f64() * 1e6 / mib;
    println!("{:<30} {:>9} {:>9} {:>7} {:>13} {:>7}", name, "MiB/s", "median", "ratio", "CPU us/MiB", "ratio");
    let best = |taken: &[Taken]| {
        let mut times: Vec<_> = taken.iter().map(|taken| taken.time).collect();
        times.sort_unstable();
        let cpu = taken.iter().map(|taken| taken.cpu).min().expect("a round was run");
        (per_s(times[0]), per_s(times[times.len() / 2]), us_per_mib(cpu))
    };
    let rival = best(&taken[NAMES.len() - 1]);
    for (name, taken) in NAMES.iter().zip(&taken) {
        let (top, median, cpu) = best(taken);
        println!("{name:<30} {top:>9.0} {median:>9.0} {:>7.2} {cpu:>13.1} {:>7.2}", top / rival.0, cpu / rival.2);
    }
    println!();
    Ok(())
}

fn print_idle(pool: &Pool, count: usize) -> anyhow::Result<()> {
    let ours = idle::heap_per_relay(
        count,
        |a, b| {
            let pool = pool.clone();
            async move { Relay::new(a, b, &pool).await }
        },
        || assert_eq!(pool.leased(), 0),
    )?;
    let large = idle::heap_per_relay(
        count,
        async |mut a, mut b| copy_bidirectional_with_sizes(&mut a, &mut b, LARGE_BUF_LEN, LARGE_BUF_LEN).await,
        || {},
    )?;
    let rival = idle::heap_per_relay(count, async |mut a, mut b| copy_bidirectional(&mut a, &mut b).await, || {})?;
    println!("{:<30} {:>9} {:>7}", format!("{count} idle, after 1 MiB"), "heap, B", "ratio");
    for (name, bytes) in [(NAMES[0], ours), (NAMES[2], large), (NAMES[3], rival)] {
        println!("{name:<30} {bytes:>9.0} {:>7.3}", bytes / rival);
    }
    Ok(())
}
