//! One message to all sockets of a server.

use std::time::{Duration, Instant};

use anyhow::ensure;
use leasehold::Pool;

use super::Scenario;
use crate::{
    audience::Audience,
    bench::Bench,
    feeds,
    figures::Figures,
    fit,
    host::{Post, Service},
    median::median,
    plot::{Bars, Plot},
    row::{Better, Measure},
    server::Server,
};

static TIME: Measure = Measure::new("until the last has it", "ms", Better::Less);
static CPU: Measure = Measure::new("CPU", "ms", Better::Less);
static WRITES: Measure = Measure::new("writes each", "", Better::Less);
static IDLE: Measure = Measure::new("held idle", "B each", Better::Less);
static QUEUED: Measure = Measure::new("held queued", "B each", Better::Less);
static AFTER: Measure = Measure::new("held after", "B each", Better::Less);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fan-out",
    about: "one message of 12 KiB to N WebSockets; held: heap and leased blocks, of which the sockets' own are a part",
    steps: (VARIANTS.len() * SESSIONS) as u64,
    run,
    serve,
    plots: &[
        Plot::Bars(Bars {
            file: "fan-out-time.svg",
            title: "One message of 12 KiB to all sockets",
            measure: &TIME,
            is_log: false,
        }),
        Plot::Bars(Bars {
            file: "fan-out-held.svg",
            title: "While one message of 12 KiB is queued for all sockets",
            measure: &QUEUED,
            is_log: true,
        }),
    ],
};

const VARIANTS: [&str; 4] = [
    "tokio-tungstenite, broadcast",
    "tokio-tungstenite, mpsc",
    "fastwebsockets, broadcast",
    "leasehold Hub",
];

/// The variants are measured in turns, so that whatever else this machine does meets all of them.
const SESSIONS: usize = 3;
const TRIES: usize = 6;

// ---- the servers --------------------------------------------------------------------------------

const BUDGET: usize = 256 << 20;

/// Answered by the figures when it is queued for all.
const SAY: &str = "say";

fn serve(variant: &str, post: Post) -> Service {
    let Post { listener, orders } = post;
    let stock = |_, say: &dyn Fn()| obey(say, None);
    match variant {
        "tokio-tungstenite, broadcast" => Service::stock(feeds::channel(listener, orders, stock)),
        "tokio-tungstenite, mpsc" => Service::stock(feeds::channels(listener, orders, stock)),
        "fastwebsockets, broadcast" => Service::stock(feeds::fast_channel(listener, orders, stock)),
        "leasehold Hub" => {
            let pool = Pool::new(BUDGET).expect("the budget can be reserved");
            let figures = pool.clone();
            let ours = move |_, say: &dyn Fn()| obey(say, Some(&figures));
            Service::ours(&pool, feeds::hub(listener, pool.clone(), orders, ours))
        }
        other => unreachable!("{other} is no variant"),
    }
}

fn obey(say: &dyn Fn(), pool: Option<&Pool>) {
    say();
    println!("{}", Figures::here(pool));
}

// ---- the clients --------------------------------------------------------------------------------

/// Until a server is seen to be idle.
const PAUSE: Duration = Duration::from_millis(20);

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut found = VARIANTS.map(|_| Found::default());
    for _ in 0..SESSIONS {
        for (variant, found) in VARIANTS.into_iter().zip(&mut found) {
            bench.step(variant);
            Session::begin(bench, variant)?
                .measure(found, if bench.is_measured() { TRIES } else { 1 })?;
        }
    }
    for (variant, found) in VARIANTS.into_iter().zip(found) {
        found.record(bench, variant);
    }
    Ok(())
}

/// What all sessions of a variant found: a figure for each try, and the memory of the last session.
#[derive(Default)]
struct Found {
    sockets: usize,
    times: Vec<f64>,
    cpu: Vec<f64>,
    writes: Vec<f64>,
    idle: f64,
    queued: f64,
    after: f64,
}

impl Found {
    fn record(self, bench: &mut Bench, variant: &'static str) {
        let each = |all: f64| all / self.sockets as f64;
        let values = [
            (&TIME, median(self.times) * 1e3),
            (&CPU, median(self.cpu) * 1e3),
            (&WRITES, each(median(self.writes))),
            (&IDLE, each(self.idle)),
            (&QUEUED, each(self.queued)),
            (&AFTER, each(self.after)),
        ];
        bench.row("12 KiB to all", variant, self.sockets, values);
    }
}

/// A server, and its clients.
struct Session {
    server: Server,
    audience: Audience,
    sockets: usize,
    /// Without sockets.
    before: Figures,
}

impl Session {
    /// As many sockets as there is memory for.
    fn begin(bench: &Bench, variant: &str) -> anyhow::Result<Self> {
        let mut server = bench.server(variant)?;
        let (before, rss) = (server.settle(PAUSE)?, server.rss()?);
        let sockets = bench.connections().min(fit::TRIED);
        let mut session = Self { server, audience: Audience::default(), sockets, before };
        session.gather()?;
        let each = (session.server.rss()? - rss) / sockets as f64;
        session.sockets = fit::connections(each, bench.connections())?;
        session.gather()?;
        Ok(session)
    }

    /// Until all are there, and have heard something.
    fn gather(&mut self) -> anyhow::Result<()> {
        self.audience.grow(self.server.address(), self.sockets);
        self.server.settle(PAUSE)?;
        self.say()?;
        ensure!(self.audience.has_heard(), "a server that is at rest has accepted all");
        Ok(())
    }

    /// What is held when it is queued for all.
    fn say(&mut self) -> anyhow::Result<Figures> {
        self.server.order(SAY)?.parse()
    }

    fn measure(mut self, found: &mut Found, tries: usize) -> anyhow::Result<()> {
        found.sockets = self.sockets;
        for _ in 0..tries {
            let idle = self.server.settle(PAUSE)?;
            let start = Instant::now();
            let queued = self.say()?;
            self.audience.hear();
            found.times.push(start.elapsed().as_secs_f64());
            let after = self.server.settle(PAUSE)?;
            found.cpu.push((after - idle).cpu);
            found.writes.push((after - idle).writes);
            [found.idle, found.queued, found.after] =
                [idle, queued, after].map(|figures| held(figures) - held(self.before));
        }
        Ok(())
    }
}

/// Bytes, wherever they come from.
fn held(figures: Figures) -> f64 {
    figures.heap + figures.leased
}
