//! What a burst of messages leaves behind.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt, future::try_join_all};
use leasehold::{Pool, codec};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::interval};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::Scenario;
use crate::{
    bench::Bench,
    client::{Protocol, connect_all},
    curve::Curve,
    echo::accept,
    fit,
    heap::Allocator,
    host::{Post, Service},
    plot::{Lines, Plot},
    row::{Better, Measure, is_ours},
    server::Server,
};

const MIB: usize = 1 << 20;

static TOP: Measure = Measure::new("RSS at the top", "MiB", Better::Less);
static AFTER: [(f64, Measure); 3] = [
    (1.0, Measure::new("after 1 s", "MiB", Better::Less)),
    (3.0, Measure::new("after 3 s", "MiB", Better::Less)),
    (10.0, Measure::new("after 10 s", "MiB", Better::Less)),
];
static CPU: Measure = Measure::new("CPU in these 10 s", "ms", Better::Less);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "burst",
    about: "resident memory above the start: 256 MiB in messages of 64 KiB are held, then let go",
    steps: (VARIANTS.len() * CASES.len()) as u64,
    run,
    serve,
    plots: &[
        Plot::Lines(Lines {
            file: CASES[0].plot,
            title: "After a burst of 256 MiB: nothing comes",
            x: "seconds since the messages were let go",
            y: "resident memory above the start, MiB",
        }),
        Plot::Lines(Lines {
            file: CASES[1].plot,
            title: "After a burst of 256 MiB: a message of 64 KiB a second on each of 64 connections",
            x: "seconds since the messages were let go",
            y: "resident memory above the start, MiB",
        }),
    ],
};

/// Some allocators give memory back only when they are called: with nothing to do, and with a
/// little.
const CASES: [Case; 2] = [
    Case { name: "then quiet", plot: "burst-quiet.svg", is_quiet: true },
    Case { name: "then a trickle", plot: "burst-trickle.svg", is_quiet: false },
];

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    plot: &'static str,
    is_quiet: bool,
}

/// jemalloc's own tuning guide wants the thread; without one it is as it comes.
const VARIANTS: [(&str, Allocator); 5] = [
    ("BytesMut, glibc", Allocator::Glibc),
    ("BytesMut, mimalloc", Allocator::Mimalloc),
    ("BytesMut, jemalloc", Allocator::Jemalloc),
    ("BytesMut, jemalloc with its thread", Allocator::JemallocThread),
    ("leasehold, glibc", Allocator::Glibc),
];

const MESSAGE_LEN: usize = 64 << 10;
const CONNECTIONS: usize = 64;
const MESSAGES: usize = 64;

// ---- the servers --------------------------------------------------------------------------------

/// Twice the burst.
const BUDGET: usize = 512 * MIB;

/// What a connection may have: twice its part.
const LIMIT: usize = 8 * MIB;

/// How many messages are held.
const COUNT: &str = "count";
const LET_GO: &str = "let go";

fn serve(variant: &str, post: Post) -> Service {
    if !is_ours(variant) {
        return Service::stock(hold(post, |stream| {
            Framed::new(stream, LengthDelimitedCodec::new())
        }));
    }
    let pool = Pool::new(BUDGET).expect("the budget can be reserved");
    let accounts = pool.clone();
    let framed = move |stream| {
        codec::Framed::new(
            stream,
            codec::LengthDelimitedCodec::new(),
            &accounts.account("connection", LIMIT),
        )
    };
    Service::ours(&pool, hold(post, framed))
}

/// Keeps all messages until they are to be let go; what comes later goes at once.
async fn hold<S, M, E>(mut post: Post, framed: impl Fn(TcpStream) -> S)
where
    S: Stream<Item = Result<M, E>> + Unpin + Send + 'static,
    M: Send + 'static,
    E: Send,
{
    let held = Arc::new(Mutex::new(Some(Vec::with_capacity(CONNECTIONS * MESSAGES))));
    let holding = Arc::clone(&held);
    tokio::spawn(async move {
        while let Some(order) = post.orders.recv().await {
            let mut held = holding.lock().expect("nobody panics with it");
            if order == LET_GO {
                *held = None;
            }
            println!("{}", held.as_ref().map_or(0, Vec::len));
        }
    });
    accept(post.listener, |stream| {
        let (mut messages, held) = (framed(stream), Arc::clone(&held));
        async move {
            while let Some(Ok(message)) = messages.next().await {
                if let Some(held) = &mut *held.lock().expect("nobody panics with it") {
                    held.push(message);
                }
            }
        }
    })
    .await;
}

// ---- the client ---------------------------------------------------------------------------------

/// How often the memory is looked at.
const EVERY: Duration = Duration::from_millis(100);

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    // More than any has needed, for what is not known beforehand.
    const BYTES_MAX: usize = 4 * CONNECTIONS * MESSAGES * MESSAGE_LEN;
    let lasts = if bench.is_measured() { Duration::from_secs(10) } else { 2 * EVERY };
    for case in CASES {
        // What sleeps disturbs nobody, so they are watched side by side.
        for variants in VARIANTS.chunks(fit::connections(BYTES_MAX as f64, VARIANTS.len())?) {
            let mut bursts = Vec::new();
            for (variant, allocator) in variants {
                bench.step(&format!("{variant}, {}", case.name));
                bursts.push(Burst::new(bench, variant, *allocator)?);
            }
            bursts.iter_mut().try_for_each(Burst::let_go)?;
            bench.runtime().block_on(watch(&mut bursts, case, lasts))?;
            for burst in bursts {
                burst.record(bench, case)?;
            }
        }
    }
    Ok(())
}

/// A server that has had a burst.
struct Burst {
    variant: &'static str,
    server: Server,
    clients: Vec<TcpStream>,
    message: Vec<u8>,
    /// Bytes, before there were messages.
    before: f64,
    start: Instant,
    /// Seconds of the processor until then.
    cpu: f64,
    /// Seconds since, and MiB.
    points: Vec<(f64, f64)>,
}

impl Burst {
    fn new(bench: &Bench, variant: &'static str, allocator: Allocator) -> anyhow::Result<Self> {
        let (connections, messages) =
            if bench.is_measured() { (CONNECTIONS, MESSAGES) } else { (2, 2) };
        let mut server = bench.server_on(variant, allocator)?;
        let connecting = connect_all(server.address(), Protocol::Framed, connections);
        let mut clients = bench.runtime().block_on(connecting)?;
        server.settle(EVERY)?;
        let before = server.rss()?;
        let message = Protocol::Framed.request(MESSAGE_LEN);
        bench.runtime().block_on(try_join_all(clients.iter_mut().map(async |client| {
            for _ in 0..messages {
                client.write_all(&message).await?;
            }
            anyhow::Ok(())
        })))?;
        while server.order(COUNT)?.parse::<usize>()? < connections * messages {
            std::thread::sleep(Duration::from_millis(1));
        }
        let cpu = server.settle(EVERY)?.cpu;
        Ok(Self {
            variant,
            server,
            clients,
            message,
            before,
            start: Instant::now(),
            cpu,
            points: Vec::new(),
        })
    }

    fn let_go(&mut self) -> anyhow::Result<()> {
        self.start = Instant::now();
        self.look()?;
        self.server.order(LET_GO)?;
        Ok(())
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let above = (self.server.rss()? - self.before) / MIB as f64;
        self.points.push((self.start.elapsed().as_secs_f64(), above));
        Ok(())
    }

    /// What was resident when so many seconds had passed.
    fn after(&self, seconds: f64) -> Option<f64> {
        let near = EVERY.as_secs_f64() / 2.0;
        self.points.iter().find(|(at, _)| (at - seconds).abs() <= near).map(|(_, above)| *above)
    }

    fn record(mut self, bench: &mut Bench, case: Case) -> anyhow::Result<()> {
        let cpu = self.server.figures()?.cpu - self.cpu;
        let mut values = vec![(&TOP, self.points[0].1)];
        values.extend(
            AFTER.iter().filter_map(|(seconds, measure)| Some((measure, self.after(*seconds)?))),
        );
        values.push((&CPU, cpu * 1e3));
        let connections = self.clients.len();
        bench.row(case.name, self.variant, connections, values);
        bench.curve(Curve {
            plot: case.plot,
            variant: self.variant,
            connections,
            points: self.points,
        });
        Ok(())
    }
}

/// Looks at all of them for a while, in which each connection sends a message a second if it is not
/// quiet.
async fn watch(bursts: &mut [Burst], case: Case, lasts: Duration) -> anyhow::Result<()> {
    let turns = Duration::from_secs(1).div_duration_f64(EVERY) as usize;
    let mut ticks = interval(EVERY);
    ticks.tick().await;
    for turn in 0..lasts.div_duration_f64(EVERY) as usize {
        ticks.tick().await;
        for burst in bursts.iter_mut() {
            burst.look()?;
            if case.is_quiet {
                continue;
            }
            for client in burst.clients.iter_mut().skip(turn % turns).step_by(turns) {
                client.write_all(&burst.message).await?;
            }
        }
    }
    Ok(())
}
