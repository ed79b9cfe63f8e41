//! This crate beside what servers stand on otherwise, at thousands of connections: memory, system
//! calls, processor time, side by side.
//!
//! ```sh
//! cargo bench -p benches --bench scale                                                # all of it, in less than eight minutes
//! cargo bench -p benches --bench scale -- --only idle --connections 1000              # one scenario, smaller
//! cargo bench -p benches --bench scale -- --json target/scale.json --svg target/scale # the figures, and plots of them
//! ```
//!
//! The bench is the client, in one thread. It runs itself again as the server of each variant: a
//! process of one thread, with an allocator that counts, that answers to orders on its stdin and
//! ends with it. All servers of a scenario offer the same service, set up as their own
//! documentation has it, and all of them without Nagle's delay. Where a variant does not fit into
//! half of the free memory, it has fewer connections; how many stands in its row. Without
//! `--bench`, as `cargo test --benches` does it, all is only tried, with few connections.
//!
//! # A scenario
//! is a file in `scenario/`, with a `const SCENARIO: Scenario` that is listed in `scenario::ALL`.
//! It says
//! - how to serve a variant ([`Scenario::serve`]): given a listener and the orders that come, what
//!   to run, and the pool to tell figures of. This runs in the server's process, which is started
//!   as `--serve SCENARIO/VARIANT`;
//! - what the client does ([`Scenario::run`]): it starts a server for each variant
//!   ([`Bench::server`]), connects ([`client`]), asks it for its [`Figures`](figures::Figures), and
//!   records [`Row`](row::Row)s and [`Curve`](curve::Curve)s. It says so before each of its
//!   [`Scenario::steps`], for the progress bar. Where [`Bench::is_measured`] is false, it does the
//!   same with as little as possible;
//! - what is drawn ([`Scenario::plots`]).
//!
//! The rows of one case are compared: each figure is divided by the best figure of a rival. `echo`
//! has services that several scenarios use.

#[path = "../ws/audience.rs"]
mod audience;
mod bench;
#[path = "../../tests/support/calls.rs"]
mod calls;
mod client;
mod curve;
mod echo;
#[path = "../ws/feeds.rs"]
mod feeds;
mod figures;
#[expect(dead_code, reason = "other benches do not go on without what they need")]
#[path = "../../tests/support/heap/files.rs"]
mod files;
mod fit;
mod heap;
mod host;
mod json;
mod machine;
mod median;
mod options;
mod plot;
mod progress;
mod row;
mod scenario;
mod server;
mod table;

use std::{process::ExitCode, time::Instant};

use crate::{bench::Bench, heap::Counting, machine::Machine, options::Options};

#[global_allocator]
static HEAP: Counting = Counting;

fn main() -> ExitCode {
    let options = Options::from_args();
    let done = match &options.serve {
        Some(name) => host::run(name),
        None => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let machine = Machine::here()?;
    println!("{machine}");
    let mut bench = Bench::new(options)?;
    for scenario in options.scenarios() {
        let start = Instant::now();
        bench.begin(scenario);
        (scenario.run)(&mut bench)?;
        bench.end(scenario, start.elapsed());
    }
    println!("\nload of this machine at the end: {}", machine::load()?);
    if let Some(path) = &options.json {
        json::write(path, &machine, options, bench.results())?;
    }
    if let Some(dir) = &options.svg {
        plot::write(dir, options.scenarios(), bench.results())?;
    }
    Ok(())
}
