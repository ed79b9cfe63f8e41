//! Measuring cases side by side: by criterion first, then for a table of ratios.
//!
//! A run is a function from a count of rounds to the time that they took; both ways of measuring
//! call the same one.

use std::time::Duration;

use criterion::Criterion;

/// How long one try of the table runs, and how many tries the best and the median are taken of:
/// many short ones, of which some meet nobody else on a machine that others use too.
const TRY: Duration = Duration::from_millis(5);
const TRIES: usize = 101;

/// What is compared: runs of the same thing, the rival last.
pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) runs: Vec<Run>,
}

pub(crate) struct Run {
    name: String,
    rounds: Box<dyn Fn(u64) -> Duration>,
}

impl Run {
    pub(crate) fn new(name: impl Into<String>, rounds: impl Fn(u64) -> Duration + 'static) -> Self {
        Self { name: name.into(), rounds: Box::new(rounds) }
    }
}

/// Measures all cases, and prints a table in which each is compared to its rival, the last of its
/// runs.
pub(crate) fn measure(cases: &[Case]) {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    for case in cases {
        let mut group = criterion.benchmark_group(case.group);
        for run in &case.runs {
            group.bench_function(&run.name, |bencher| bencher.iter_custom(&run.rounds));
        }
        group.finish();
    }
    criterion.final_summary();
    // As criterion does: without this flag the bench is only tried, not measured; and a word is a
    // part of the names that are meant.
    if std::env::args().any(|arg| arg == "--bench") {
        let word = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
        print_table(cases.iter().filter(|case| case.group.contains(&word)));
    }
}

/// Nanoseconds a round, the best and the median of several tries taken in turns, and the ratios of
/// both to those of the rival, who is last in its case.
fn print_table<'a>(cases: impl Iterator<Item = &'a Case>) {
    println!(
        "{:<32} {:<28} {:>10} {:>8} {:>10} {:>8}",
        "several tries, each round", "", "best ns", "ratio", "median ns", "ratio"
    );
    for case in cases {
        let rounds: Vec<u64> = case.runs.iter().map(|run| rounds_in(TRY, &run.rounds)).collect();
        let mut tries = vec![[0.0; TRIES]; case.runs.len()];
        for index in 0..TRIES {
            for ((run, &rounds), tries) in case.runs.iter().zip(&rounds).zip(&mut tries) {
                tries[index] = (run.rounds)(rounds).as_nanos() as f64 / rounds as f64;
            }
        }
        tries.iter_mut().for_each(|tries| tries.sort_unstable_by(f64::total_cmp));
        let rival = tries.last().copied().unwrap_or([f64::NAN; TRIES]);
        for (run, tries) in case.runs.iter().zip(&tries) {
            let (best, median) = (tries[0], tries[TRIES / 2]);
            println!(
                "{:<32} {:<28} {best:>10.1} {:>8.2} {median:>10.1} {:>8.2}",
                case.group,
                run.name,
                best / rival[0],
                median / rival[TRIES / 2]
            );
        }
    }
}

/// About how many rounds take so long.
fn rounds_in(time: Duration, run: impl Fn(u64) -> Duration) -> u64 {
    let mut rounds = 16;
    loop {
        let took = run(rounds);
        if took >= time / 8 {
            return ((rounds as f64 * time.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
        }
        rounds *= 2;
    }
}
