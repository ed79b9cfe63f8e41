//! `io::Relay` against tokio's `copy_bidirectional`: bytes a second, processor time, and memory of
//! 1,000 idle connections.

#[path = "../tests/support/heap/mod.rs"]
mod heap;
#[path = "../tests/heap/relay_memory/idle.rs"]
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
    throughput::{Load, Taken},
};

#[global_allocator]
static HEAP: Counting = Counting;

const ROUNDS: usize = 9;
const ROUND_LEN: usize = 512 << 20;
const ROUND_TRIPS: usize = 20_000;
const IDLE_COUNT: usize = 1000;
/// tokio's buffers are of 8 KiB by default; these are as large as our blocks.
const LARGE_BUF_LEN: usize = 64 << 10;

/// Names of what is measured; the last one is the rival.
const NAMES: [&str; 4] =
    ["Relay", "Relay, limit_unsent 128 KiB", "tokio, buffers of 64 KiB", "tokio"];

fn main() -> anyhow::Result<()> {
    // As criterion does: without this flag the bench is only tried, not measured.
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let (rounds, len, trips, count) = if is_measured {
        (ROUNDS, ROUND_LEN, ROUND_TRIPS, IDLE_COUNT)
    } else {
        (1, 1 << 20, 10, 2)
    };
    heap::files::allow(4 * count as u64 + 100);
    let pool = Pool::new(64 << 20)?;
    let mib = len as f64 / f64::from(1 << 20);
    print_load("one way", &pool, rounds, Load::OneWay(len), ("MiB", mib))?;
    print_load("both ways at once", &pool, rounds, Load::BothWays(len), ("MiB", 2.0 * mib))?;
    print_load(
        "64 bytes there and back",
        &pool,
        rounds,
        Load::RoundTrips(trips),
        ("trip", trips as f64),
    )?;
    print_idle(&pool, count)?;
    assert_eq!(pool.leased(), 0);
    Ok(())
}

/// Runs all rivals in turns, several times, and prints the best run of each. The rates count in the
/// load's unit.
fn print_load(
    name: &str,
    pool: &Pool,
    rounds: usize,
    load: Load,
    (unit, units): (&str, f64),
) -> anyhow::Result<()> {
    let mut taken: [Vec<Taken>; NAMES.len()] = Default::default();
    for _ in 0..rounds {
        let now = [
            load.run(|a, b| Relay::new(a, b, pool))?,
            load.run(async |a, b| {
                limit_unsent(&a, 128 << 10)?;
                limit_unsent(&b, 128 << 10)?;
                Relay::new(a, b, pool).await
            })?,
            load.run(async |mut a, mut b| {
                copy_bidirectional_with_sizes(&mut a, &mut b, LARGE_BUF_LEN, LARGE_BUF_LEN).await
            })?,
            load.run(async |mut a, mut b| copy_bidirectional(&mut a, &mut b).await)?,
        ];
        taken.iter_mut().zip(now).for_each(|(taken, now)| taken.push(now));
    }
    let best = |taken: &[Taken]| {
        let mut times: Vec<Duration> = taken.iter().map(|taken| taken.time).collect();
        times.sort_unstable();
        let per_s = |time: Duration| units / time.as_secs_f64();
        let cpu = taken.iter().map(|taken| taken.cpu).min().expect("a round was run");
        (per_s(times[0]), per_s(times[times.len() / 2]), cpu.as_secs_f64() * 1e6 / units)
    };
    let (rate, cost) = (format!("{unit}/s"), format!("CPU us/{unit}"));
    println!(
        "{name:<30} {rate:>9} {:>7} {:>9} {:>7} {cost:>13} {:>7}",
        "ratio", "median", "ratio", "ratio"
    );
    let rival = best(&taken[NAMES.len() - 1]);
    for (name, taken) in NAMES.iter().zip(&taken) {
        let (top, median, cpu) = best(taken);
        print!(
            "{name:<30} {top:>9.0} {:>7.2} {median:>9.0} {:>7.2}",
            top / rival.0,
            median / rival.1
        );
        println!(" {cpu:>13.1} {:>7.2}", cpu / rival.2);
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
        async |mut a, mut b| {
            copy_bidirectional_with_sizes(&mut a, &mut b, LARGE_BUF_LEN, LARGE_BUF_LEN).await
        },
        || {},
    )?;
    let rival = idle::heap_per_relay(
        count,
        async |mut a, mut b| copy_bidirectional(&mut a, &mut b).await,
        || {},
    )?;
    println!("{:<30} {:>9} {:>7}", format!("{count} idle, after 1 MiB"), "heap, B", "ratio");
    for (name, bytes) in [(NAMES[0], ours), (NAMES[2], large), (NAMES[3], rival)] {
        println!("{name:<30} {bytes:>9.0} {:>7.3}", bytes / rival);
    }
    Ok(())
}
