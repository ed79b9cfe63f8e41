//! A short head and a long body, sent together.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::ensure;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use leasehold::{Chain, ChainMut, Pool, io::write_all_buf};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Scenario;
use crate::{
    bench::Bench,
    client::{Protocol, connect, skip},
    echo::accept,
    figures::Figures,
    host::{Post, Service},
    median::median,
    plot::{Bars, Plot},
    row::{Better, Measure},
    server::Server,
};

const KIB: usize = 1 << 10;

static CPU: Measure = Measure::new("CPU, best", "us", Better::Less);
static CPU_MEDIAN: Measure = Measure::new("median", "us", Better::Less);
static CLOCK: Measure = Measure::new("time, best", "us", Better::Less);
static WRITES: Measure = Measure::new("writes", "", Better::Less);
static SLICES: Measure = Measure::new("slices", "", Better::Less);
static COPIED: Measure = Measure::new("written to memory", "KiB", Better::Less);
static ALLOCATIONS: Measure = Measure::new("allocations", "", Better::Less);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "mixed",
    about: "a response of a head of 4 KiB and a body of 1 MiB: what one costs the server",
    steps: (VARIANTS.len() * SESSIONS) as u64,
    run,
    serve,
    plots: &[Plot::Bars(Bars {
        file: "mixed-cpu.svg",
        title: "A response of a head of 4 KiB and a body of 1 MiB",
        measure: &CPU,
        is_log: false,
    })],
};

const VARIANTS: [&str; 4] = [
    "BytesMut of both, copied together",
    "Bytes of each, chained",
    "leasehold, 4 KiB + 1 MiB",
    "leasehold, 257 x 4 KiB",
];

/// By what they are asked for with. The length of a body that is made now is not known before, so
/// its head comes after it.
const CASES: [(&str, u8); 2] = [("the body is kept", KEPT), ("the body is made", MADE)];
const KEPT: u8 = b'k';
const MADE: u8 = b'm';

const HEAD_LEN: usize = 4 * KIB;
const BODY_LEN: usize = 1024 * KIB;

// ---- the servers --------------------------------------------------------------------------------

const BUDGET: usize = 64 << 20;

/// Answered by how many bytes were written to memory so far.
const COPIED_SO_FAR: &str = "copied";

static HEAD: [u8; HEAD_LEN] = [b'h'; HEAD_LEN];
static BODY: [u8; BODY_LEN] = [b'b'; BODY_LEN];

fn serve(variant: &str, post: Post) -> Service {
    match variant {
        "BytesMut of both, copied together" => {
            let kept = bytes_of(&BODY);
            let make = move |asked| {
                let body = if asked == KEPT { kept.clone() } else { bytes_of(&BODY) };
                let mut both = BytesMut::with_capacity(HEAD_LEN + BODY_LEN);
                copy(&mut both, &HEAD);
                copy(&mut both, &body);
                both.freeze()
            };
            Service::stock(obey(post, move |stream| stock(stream, make.clone())))
        }
        "Bytes of each, chained" => {
            let kept = bytes_of(&BODY);
            let make = move |asked| {
                let body = if asked == KEPT { kept.clone() } else { bytes_of(&BODY) };
                bytes_of(&HEAD).chain(body)
            };
            Service::stock(obey(post, move |stream| stock(stream, make.clone())))
        }
        // The default classes have one of either length.
        "leasehold, 4 KiB + 1 MiB" => {
            chains(post, &Pool::new(BUDGET).expect("the budget can be reserved"), BODY_LEN)
        }
        "leasehold, 257 x 4 KiB" => {
            let pool = Pool::builder().budget(BUDGET).classes([HEAD_LEN]).build();
            // A lease is of 63 blocks at most.
            chains(post, &pool.expect("the budget can be reserved"), 32 * HEAD_LEN)
        }
        other => unreachable!("{other} is no variant"),
    }
}

fn chains(post: Post, pool: &Pool, at_once: usize) -> Service {
    let kept = chain_of(pool, &BODY, at_once);
    let blocks = pool.clone();
    let make = move |asked| {
        let body = if asked == KEPT { kept.clone() } else { chain_of(&blocks, &BODY, at_once) };
        let mut both = chain_of(&blocks, &HEAD, at_once);
        both.append(body);
        both
    };
    Service::ours(pool, obey(post, move |stream| ours(stream, make.clone())))
}

async fn obey<F>(mut post: Post, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while post.orders.recv().await.is_some() {
            println!("{}", BYTES_COPIED.load(Relaxed));
        }
    });
    accept(post.listener, serve).await;
}

async fn stock<B: Buf>(mut stream: TcpStream, make: impl Fn(u8) -> B) {
    while let Ok(asked) = stream.read_u8().await {
        if stream.write_all_buf(&mut make(asked)).await.is_err() {
            return;
        }
    }
}

async fn ours(mut stream: TcpStream, make: impl Fn(u8) -> Chain) {
    while let Ok(asked) = stream.read_u8().await {
        if write_all_buf(&mut stream, &mut make(asked)).await.is_err() {
            return;
        }
    }
}

static BYTES_COPIED: AtomicU64 = AtomicU64::new(0);

fn copy(to: &mut impl BufMut, bytes: &[u8]) {
    to.put_slice(bytes);
    BYTES_COPIED.fetch_add(bytes.len() as u64, Relaxed);
}

fn bytes_of(content: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(content.len());
    copy(&mut bytes, content);
    bytes.freeze()
}

/// Leases so much at once.
fn chain_of(pool: &Pool, content: &[u8], at_once: usize) -> Chain {
    let mut chain = ChainMut::new(pool);
    for piece in content.chunks(at_once) {
        chain.try_reserve(piece.len()).expect("the budget is ample");
        copy(&mut chain, piece);
    }
    chain.freeze()
}

// ---- the client ---------------------------------------------------------------------------------

/// How many connections each rival has, in turns. One connection is faster than another, and this
/// machine may have other work.
const SESSIONS: usize = 8;

/// Of each session; the kernel's buffers are growing in the first one.
const TURNS: usize = 4;

/// Responses in a turn.
const RESPONSES: usize = 60;

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (sessions, responses) = if bench.is_measured() { (SESSIONS, RESPONSES) } else { (1, 2) };
    let mut turns = CASES.map(|_| VARIANTS.map(|_| Vec::new()));
    for _ in 0..sessions {
        for (index, variant) in VARIANTS.into_iter().enumerate() {
            bench.step(variant);
            let mut peer = bench.runtime().block_on(Peer::new(bench.server(variant)?))?;
            for turn in 0..TURNS {
                for ((_, asked), turns) in CASES.into_iter().zip(&mut turns) {
                    let taken = bench.runtime().block_on(peer.ask(asked, responses))?;
                    if turn > 0 {
                        turns[index].push(taken);
                    }
                }
            }
        }
    }
    for ((case, _), turns) in CASES.into_iter().zip(turns) {
        for (variant, turns) in VARIANTS.into_iter().zip(turns) {
            bench.row(case, variant, 1, values(&turns, responses as f64));
        }
    }
    Ok(())
}

fn values(turns: &[Taken], responses: f64) -> [(&'static Measure, f64); 7] {
    let each = |figure: fn(&Taken) -> f64| turns.iter().map(move |turn| figure(turn) / responses);
    let best = |figure| each(figure).fold(f64::INFINITY, f64::min);
    let middle = |figure| median(each(figure).collect());
    [
        (&CPU, best(|taken| taken.figures.cpu * 1e6)),
        (&CPU_MEDIAN, middle(|taken| taken.figures.cpu * 1e6)),
        (&CLOCK, best(|taken| taken.figures.clock * 1e6)),
        (&WRITES, middle(|taken| taken.figures.writes)),
        (&SLICES, middle(|taken| taken.figures.write_slices)),
        (&COPIED, middle(|taken| taken.copied / KIB as f64)),
        (&ALLOCATIONS, middle(|taken| taken.figures.allocations)),
    ]
}

struct Peer {
    server: Server,
    stream: TcpStream,
}

/// What a server did in a turn.
struct Taken {
    figures: Figures,
    /// Bytes.
    copied: f64,
}

impl Peer {
    /// One whose answers are looked at once: all further ones are only counted.
    async fn new(server: Server) -> anyhow::Result<Self> {
        let mut stream = connect(server.address(), Protocol::Framed).await?;
        for (_, asked) in CASES {
            stream.write_all(&[asked]).await?;
            let mut response = vec![0; HEAD_LEN + BODY_LEN];
            stream.read_exact(&mut response).await?;
            ensure!(response == [&HEAD[..], &BODY].concat(), "an answer with other bytes");
        }
        Ok(Self { server, stream })
    }

    async fn ask(&mut self, asked: u8, responses: usize) -> anyhow::Result<Taken> {
        let (before, copied) = (self.server.figures()?, self.copied()?);
        for _ in 0..responses {
            self.stream.write_all(&[asked]).await?;
            let mut left = HEAD_LEN + BODY_LEN;
            while left > 0 {
                left -= skip(&mut self.stream, left).await?;
            }
        }
        let copied = self.copied()? - copied;
        Ok(Taken { figures: self.server.figures()? - before, copied })
    }

    fn copied(&mut self) -> anyhow::Result<f64> {
        Ok(self.server.order(COPIED_SO_FAR)?.parse()?)
    }
}
