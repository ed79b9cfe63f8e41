//! Small requests, one at a time on each connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, task::JoinSet, time::sleep};

use super::Scenario;
use crate::{
    bench::Bench,
    client::{Exchange, connect_all},
    echo::{STACKS, Stack, service},
    figures::Figures,
    plot::{Bars, Plot},
    row::{Better, Measure},
    server::{Server, Work},
};

static CALLS: Measure = Measure::new("calls", "each", Better::Less);
static ALLOCATIONS: Measure = Measure::new("allocations", "each", Better::Less);
static CPU: Measure = Measure::new("CPU", "us each", Better::Less);
static RATE: Measure = Measure::new("rate", "/s", Better::More);
static MEDIAN: Measure = Measure::new("p50", "us", Better::Less);
static SLOWEST: Measure = Measure::new("p99", "us", Better::Less);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "small",
    about: "echoes of 64 B and 1 KiB, one after the other on each of 64 connections",
    steps: LENS.len() as u64,
    run,
    serve: |stack, post| service(stack, post.listener),
    plots: &[
        Plot::Bars(Bars {
            file: "small-cpu.svg",
            title: "Small echoes",
            measure: &CPU,
            is_log: false,
        }),
        Plot::Bars(Bars {
            file: "small-rate.svg",
            title: "Small echoes",
            measure: &RATE,
            is_log: false,
        }),
        Plot::Bars(Bars {
            file: "small-p99.svg",
            title: "Small echoes",
            measure: &SLOWEST,
            is_log: false,
        }),
    ],
};

const CONNECTIONS: usize = 64;

const LENS: [(&str, usize); 2] = [("64 B", 64), ("1 KiB", 1 << 10)];

/// Stacks take turns, so many times: some meet nobody else on a machine that others use too.
const TRIES: usize = 16;

/// The same time again is for the latency.
const WORK: Work = Work { begins: Duration::from_millis(10), lasts: Duration::from_millis(40) };

/// The least.
const TRIED: Work = Work { begins: Duration::ZERO, lasts: Duration::from_millis(10) };

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (tries, work) = if bench.is_measured() { (TRIES, WORK) } else { (1, TRIED) };
    for (name, len) in LENS {
        bench.step(name);
        let mut sites = Vec::new();
        for stack in STACKS {
            sites.push(Site::begin(bench, stack, len)?);
        }
        for _ in 0..tries {
            for site in &mut sites {
                site.work(bench, work)?;
            }
        }
        for site in sites {
            bench.row(
                format!("{}, {name}", site.stack.group),
                site.stack.name,
                CONNECTIONS,
                values(&site.tried),
            );
        }
    }
    Ok(())
}

/// A server, and its clients.
struct Site {
    stack: Stack,
    server: Server,
    streams: Vec<TcpStream>,
    exchange: Arc<Exchange>,
    tried: Vec<Try>,
}

struct Try {
    figures: Figures,
    requests: f64,
    /// How long each of those took that were timed, the fastest first.
    times: Vec<Duration>,
}

impl Site {
    fn begin(bench: &Bench, stack: Stack, len: usize) -> anyhow::Result<Self> {
        let server = bench.server(stack.name)?;
        bench.runtime().block_on(async {
            let mut streams = connect_all(server.address(), stack.protocol, CONNECTIONS).await?;
            let exchange = Arc::new(Exchange::learn(&mut streams[0], stack.protocol, len).await?);
            Ok(Self { stack, server, streams, exchange, tried: Vec::new() })
        })
    }

    fn work(&mut self, bench: &Bench, work: Work) -> anyhow::Result<()> {
        let (is_timed, is_over) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        bench.runtime().block_on(async {
            let mut clients = JoinSet::new();
            for stream in self.streams.drain(..) {
                let (is_timed, is_over) = (Arc::clone(&is_timed), Arc::clone(&is_over));
                clients.spawn(client(stream, Arc::clone(&self.exchange), is_timed, is_over));
            }
            let figures = self.server.figures_of(work).await?;
            // Asking for figures keeps the client waiting: requests are timed after that.
            is_timed.store(true, Relaxed);
            sleep(work.lasts).await;
            is_over.store(true, Relaxed);
            let mut times = Vec::new();
            while let Some(ended) = clients.join_next().await {
                let (stream, timed) = ended??;
                self.streams.push(stream);
                times.extend(timed);
            }
            times.sort_unstable();
            let requests = figures.read_bytes / self.exchange.request_len() as f64;
            self.tried.push(Try { figures, requests, times });
            Ok(())
        })
    }
}

impl Try {
    fn quantile(&self, quantile: f64) -> f64 {
        let index = (self.times.len() as f64 * quantile) as usize;
        self.times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

/// One request after the other.
async fn client(
    mut stream: TcpStream,
    exchange: Arc<Exchange>,
    is_timed: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
) -> anyhow::Result<(TcpStream, Vec<Duration>)> {
    let mut times = Vec::new();
    while !is_over.load(Relaxed) {
        let (start, is_timed) = (Instant::now(), is_timed.load(Relaxed));
        exchange.run(&mut stream).await?;
        if is_timed {
            times.push(start.elapsed());
        }
    }
    Ok((stream, times))
}

/// The best of all tries; counts of all of them.
fn values(tried: &[Try]) -> [(&'static Measure, f64); 6] {
    let all: f64 = tried.iter().map(|one| one.requests).sum();
    let each =
        |count: fn(&Figures) -> f64| tried.iter().map(|one| count(&one.figures)).sum::<f64>() / all;
    let least = |time: fn(&Try) -> f64| tried.iter().map(time).fold(f64::INFINITY, f64::min);
    let rate = tried.iter().map(|one| one.requests / one.figures.clock).fold(0.0, f64::max);
    [
        (&CALLS, each(|figures| figures.reads + figures.writes)),
        (&ALLOCATIONS, each(|figures| figures.allocations)),
        (&CPU, least(|one| one.figures.cpu * 1e6 / one.requests)),
        (&RATE, rate),
        (&MEDIAN, least(|one| one.quantile(0.5))),
        (&SLOWEST, least(|one| one.quantile(0.99))),
    ]
}
