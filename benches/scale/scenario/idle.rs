//! What an idle connection costs: fresh, after a small exchange, after a large one.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::net::TcpStream;

use super::Scenario;
use crate::{
    bench::Bench,
    client::{Exchange, connect, connect_all},
    echo::{STACKS, Stack, service},
    fit,
    plot::{Bars, Plot},
    row::{Better, Measure},
    server::Server,
};

static HEAP: Measure = Measure::new("heap each", "B", Better::Less);
static RSS: Measure = Measure::new("RSS each", "B", Better::Less);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "idle",
    about: "what an idle connection holds: fresh, after an echo of 64 B, after an echo of 1 MiB",
    steps: (STACKS.len() * STATES.len()) as u64,
    run,
    serve: |stack, post| service(stack, post.listener),
    plots: &[
        Plot::Bars(Bars {
            file: "idle-heap.svg",
            title: "Heap of an idle connection",
            measure: &HEAP,
            is_log: true,
        }),
        Plot::Bars(Bars {
            file: "idle-rss.svg",
            title: "Resident memory of an idle connection",
            measure: &RSS,
            is_log: true,
        }),
    ],
};

/// What each connection has echoed before it is idle, in bytes.
const STATES: [(&str, Option<usize>); 3] =
    [("fresh", None), ("after 64 B", Some(64)), ("after 1 MiB", Some(1 << 20))];

/// How many connections talk at once.
const TALKING: usize = 8;

/// The first ones make what all share: the driver's lists, the tables of the blocks that are in use
/// at once.
const FIRST: usize = 10;

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut held = Vec::new();
    for stack in STACKS {
        let mut idle = Idle::begin(bench, stack)?;
        for (state, len) in STATES {
            bench.step(&format!("{} {state}", stack.name));
            held.push((format!("{}, {state}", stack.group), stack.name, idle.after(bench, len)?));
        }
    }
    // Stacks that are compared stand together.
    let cases: Vec<String> = held.iter().map(|(case, ..)| case.clone()).collect();
    held.sort_by_key(|(case, ..)| cases.iter().position(|other| other == case));
    for (case, name, held) in held {
        bench.row(case, name, held.connections, [(&HEAP, held.heap), (&RSS, held.rss)]);
    }
    Ok(())
}

/// A server, and its clients.
struct Idle {
    stack: Stack,
    server: Server,
    /// Without clients, but for the first ones.
    before: (f64, f64),
    _first: Vec<TcpStream>,
    streams: Vec<TcpStream>,
}

/// Bytes, of each connection.
struct Held {
    connections: usize,
    heap: f64,
    rss: f64,
}

impl Idle {
    fn begin(bench: &Bench, stack: Stack) -> anyhow::Result<Self> {
        let mut server = bench.server(stack.name)?;
        let address = server.address();
        let open = |count| bench.runtime().block_on(connect_all(address, stack.protocol, count));
        let first = open(FIRST)?;
        let before = (server.settle(pause(bench, None))?.heap, server.rss()?);
        let streams = open(bench.connections())?;
        Ok(Self { stack, server, before, _first: first, streams })
    }

    /// What is held when each connection has had an echo of so many bytes.
    fn after(&mut self, bench: &Bench, len: Option<usize>) -> anyhow::Result<Held> {
        if let Some(len) = len {
            let (address, protocol) = (self.server.address(), self.stack.protocol);
            // On one that goes away, for it would be the only one of the first that did this.
            let learn = async {
                Exchange::learn(&mut connect(address, protocol).await?, protocol, len).await
            };
            let exchange = bench.runtime().block_on(learn)?;
            let rss = self.server.rss()?;
            let rest = self.streams.split_off(self.streams.len().min(fit::TRIED));
            self.exchange(bench, 0, &exchange)?;
            // Of a few, the memory is known; those for which there is none go away.
            let each = (self.server.rss()? - rss) / self.streams.len() as f64;
            let fitting = fit::connections(each, self.streams.len() + rest.len())?;
            let tried = self.streams.len();
            self.streams.extend(rest.into_iter().take(fitting.saturating_sub(tried)));
            self.exchange(bench, tried, &exchange)?;
        }
        let heap = self.server.settle(pause(bench, len))?.heap;
        let rss = self.server.rss()?;
        let connections = self.streams.len();
        let each = |before: f64, after: f64| (after - before).max(0.0) / connections as f64;
        Ok(Held { connections, heap: each(self.before.0, heap), rss: each(self.before.1, rss) })
    }

    /// Once on each connection from this one on.
    fn exchange(&mut self, bench: &Bench, from: usize, exchange: &Exchange) -> anyhow::Result<()> {
        let exchanges = self.streams[from..].iter_mut().map(|stream| exchange.run(stream));
        bench.runtime().block_on(stream::iter(exchanges).buffer_unordered(TALKING).try_collect())
    }
}

/// Until all is idle. After a request that is longer than the second for which ours keeps a
/// connection ready for more.
fn pause(bench: &Bench, len: Option<usize>) -> Duration {
    Duration::from_millis(match len {
        _ if !bench.is_measured() => 100,
        None => 500,
        Some(_) => 1500,
    })
}
