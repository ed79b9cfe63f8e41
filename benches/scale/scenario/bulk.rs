//! Bodies that go up, and come down, as fast as they may.

use std::{error::Error, future::IntoFuture, time::Duration};

use anyhow::Context;
use axum::{Router, body::Body as AxumBody, extract::Path, routing::get, serve::ListenerExt};
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    Method, Request, Response,
    body::{Body, Frame, Incoming},
    header::CONTENT_LENGTH,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use leasehold::{
    Account, Pool,
    http::{
        ChainBody, LeasedBody, ReaderBody,
        serve::{self, RequestBody, from_hyper},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Repeat, Take, repeat},
    net::TcpStream,
    sync::watch::{Receiver, Sender, channel},
    task::JoinSet,
};
use tokio_util::io::ReaderStream;

use super::Scenario;
use crate::{
    bench::Bench,
    client::{Protocol, connect_all, skip},
    echo::accept,
    figures::Figures,
    host::{Post, Service},
    plot::{Bars, Plot},
    row::{Better, Measure},
    server::{Server, Work},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

static READS: Measure = Measure::new("reads", "/MiB", Better::Less);
static WRITES: Measure = Measure::new("writes", "/MiB", Better::Less);
static ALLOCATIONS: Measure = Measure::new("allocations", "/MiB", Better::Less);
static CPU: Measure = Measure::new("CPU", "us/MiB", Better::Less);
static RATE: Measure = Measure::new("rate", "MiB/s", Better::More);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "bulk",
    about: "HTTP bodies of 1 MiB and 64 MiB up and down, in pieces of 64 KiB: read as they come, made as they go",
    steps: (DIRECTIONS.len() * LENS.len() * CONNECTIONS.len()) as u64,
    run,
    serve,
    plots: &[
        Plot::Bars(Bars {
            file: "bulk-cpu.svg",
            title: "Bodies up and down",
            measure: &CPU,
            is_log: false,
        }),
        Plot::Bars(Bars {
            file: "bulk-rate.svg",
            title: "Bodies up and down",
            measure: &RATE,
            is_log: false,
        }),
    ],
};

const DIRECTIONS: [Direction; 2] = [Direction::Upload, Direction::Download];
const LENS: [usize; 2] = [MIB, 64 * MIB];
const CONNECTIONS: [usize; 3] = [1, 8, 64];
const VARIANTS: [&str; 4] = ["hyper", "leasehold serve", "axum::serve", "leasehold serve, axum"];

// ---- the servers --------------------------------------------------------------------------------

const BUDGET: usize = 256 * MIB;

/// What each connection may lease.
const LIMIT: usize = 4 * MIB;

/// As long as a block of ours.
const PIECE_LEN: usize = 64 * KIB;

type BoxError = Box<dyn Error + Send + Sync>;

/// A download is asked for by its length, an upload is answered with it.
fn serve(variant: &str, post: Post) -> Service {
    let listener = post.listener;
    match variant {
        "hyper" => Service::stock(accept(listener, hyper)),
        "axum::serve" => Service::stock(async {
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
            axum::serve(listener, axum()).await.expect("it serves for ever");
        }),
        _ => {
            let pool = Pool::new(BUDGET).expect("the budget can be reserved");
            match variant {
                "leasehold serve" => {
                    let server = serve::serve(listener, from_hyper(service_fn(leased)));
                    Service::ours(&pool, server.pool(&pool, LIMIT).into_future())
                }
                "leasehold serve, axum" => {
                    let server = serve::serve(listener, leased_axum(&pool));
                    Service::ours(&pool, server.pool(&pool, LIMIT).into_future())
                }
                other => unreachable!("{other} is no variant"),
            }
        }
    }
}

fn content(len: u64) -> Take<Repeat> {
    repeat(b'x').take(len)
}

async fn hyper(stream: TcpStream) {
    async fn answer(
        request: Request<Incoming>,
    ) -> Result<Response<impl Body<Data = Bytes, Error = BoxError>>, BoxError> {
        if request.method() == Method::POST {
            let (mut body, mut len) = (request.into_body(), 0);
            while let Some(frame) = body.frame().await {
                len += frame?.data_ref().map_or(0, Bytes::len);
            }
            return Ok(Response::new(Either::Left(
                Full::from(len.to_string()).map_err(BoxError::from),
            )));
        }
        let len = request.uri().path()[1..].parse()?;
        let pieces = ReaderStream::with_capacity(content(len), PIECE_LEN);
        let body = StreamBody::new(pieces.map_ok(Frame::data).map_err(BoxError::from));
        Ok(Response::builder().header(CONTENT_LENGTH, len).body(Either::Right(body))?)
    }
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await);
}

/// The same with leased blocks, in the account that a connection has.
async fn leased(
    request: Request<RequestBody>,
) -> Result<Response<impl Body<Data: Buf + Send, Error = BoxError> + Send>, BoxError> {
    let account = request.extensions().get::<Account>().expect("the server gives one").clone();
    if request.method() == Method::POST {
        let (mut body, mut len) = (LeasedBody::new(request.into_body(), &account), 0);
        while let Some(chain) = body.next_chain().await {
            len += chain?.len();
        }
        return Ok(Response::new(Either::Left(
            ChainBody::new(Bytes::from(len.to_string())).map_err(BoxError::from),
        )));
    }
    let len = request.uri().path()[1..].parse()?;
    let body = ReaderBody::sized(content(len), len, &account).map_err(BoxError::from);
    Ok(Response::new(Either::Right(body)))
}

fn axum() -> Router {
    let upload = async |body: AxumBody| {
        let (mut pieces, mut len) = (body.into_data_stream(), 0);
        while let Some(Ok(piece)) = pieces.next().await {
            len += piece.len();
        }
        len.to_string()
    };
    let download = async |Path(len): Path<u64>| {
        let pieces = ReaderStream::with_capacity(content(len), PIECE_LEN);
        ([(CONTENT_LENGTH, len)], AxumBody::from_stream(pieces))
    };
    Router::new().route("/{len}", get(download).post(upload))
}

fn leased_axum(pool: &Pool) -> Router {
    let upload = async |mut body: LeasedBody<AxumBody>| {
        let mut len = 0;
        while let Some(Ok(chain)) = body.next_chain().await {
            len += chain.len();
        }
        len.to_string()
    };
    let download = async |account: axum::Extension<Account>, Path(len): Path<u64>| {
        AxumBody::new(ReaderBody::sized(content(len), len, &account).into_bytes_body())
    };
    Router::new().route("/{len}", get(download).post(upload)).with_state(pool.clone())
}

// ---- the clients --------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Upload,
    Download,
}

/// Variants take turns, so many times: some meet nobody else on a machine that others use too.
const TRIES: usize = 6;

const WORK: Work = Work { begins: Duration::from_millis(30), lasts: Duration::from_millis(100) };

/// The least.
const TRIED: Work = Work { begins: Duration::ZERO, lasts: Duration::from_millis(20) };

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for direction in DIRECTIONS {
        for len in LENS {
            for connections in CONNECTIONS {
                let case = format!("{} of {} MiB", direction.name(), len / MIB);
                bench.step(&format!("{case} on {connections} connections"));
                let mut sites = Vec::new();
                for variant in VARIANTS {
                    sites.push(Site::begin(bench, variant, direction, len, connections)?);
                }
                let (tries, work) = if bench.is_measured() { (TRIES, WORK) } else { (1, TRIED) };
                for _ in 0..tries {
                    for site in &mut sites {
                        site.work(bench, work)?;
                    }
                }
                for site in sites {
                    bench.row(
                        format!("{case}, {connections} at once"),
                        site.variant,
                        connections,
                        values(&site.tried),
                    );
                }
            }
        }
    }
    Ok(())
}

/// A server, and clients that go on where they stopped when it is their turn.
struct Site {
    variant: &'static str,
    server: Server,
    is_open: Sender<bool>,
    clients: JoinSet<anyhow::Result<()>>,
    tried: Vec<Figures>,
}

impl Site {
    fn begin(
        bench: &Bench,
        variant: &'static str,
        direction: Direction,
        len: usize,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let server = bench.server(variant)?;
        let (is_open, gate) = channel(false);
        let mut clients = JoinSet::new();
        bench.runtime().block_on(async {
            for stream in connect_all(server.address(), Protocol::Http, connections).await? {
                clients.spawn(direction.run(stream, len, gate.clone()));
            }
            Ok(Self { variant, server, is_open, clients, tried: Vec::new() })
        })
    }

    fn work(&mut self, bench: &Bench, work: Work) -> anyhow::Result<()> {
        self.is_open.send_replace(true);
        let figures = bench.runtime().block_on(self.server.figures_of(work))?;
        self.is_open.send_replace(false);
        if let Some(ended) = self.clients.try_join_next() {
            ended??; // none does, but by an error
        }
        self.tried.push(figures);
        Ok(())
    }
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }

    /// One body after the other, while the gate is open.
    async fn run(
        self,
        mut stream: TcpStream,
        len: usize,
        mut gate: Receiver<bool>,
    ) -> anyhow::Result<()> {
        loop {
            match self {
                Self::Upload => upload(&mut stream, len, &mut gate).await?,
                Self::Download => download(&mut stream, len, &mut gate).await?,
            }
        }
    }
}

async fn upload(
    stream: &mut TcpStream,
    len: usize,
    gate: &mut Receiver<bool>,
) -> anyhow::Result<()> {
    static CONTENT: [u8; 256 * KIB] = [b'x'; 256 * KIB];
    gate.wait_for(|is_open| *is_open).await?;
    let head = format!("POST /{len} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut left = len;
    while left > 0 {
        gate.wait_for(|is_open| *is_open).await?;
        left -= stream.write(&CONTENT[..left.min(CONTENT.len())]).await?;
    }
    let mut room = [0; 1024];
    let count = stream.read(&mut room).await?;
    anyhow::ensure!(room[..count].ends_with(len.to_string().as_bytes()), "an upload was cut short");
    Ok(())
}

async fn download(
    stream: &mut TcpStream,
    len: usize,
    gate: &mut Receiver<bool>,
) -> anyhow::Result<()> {
    gate.wait_for(|is_open| *is_open).await?;
    stream.write_all(format!("GET /{len} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
    // What is read first begins with the head.
    let mut room = [0; 1024];
    let count = stream.read(&mut room).await?;
    let head_len =
        room[..count].windows(4).position(|end| end == b"\r\n\r\n").context("a head")? + 4;
    let mut left = head_len + len - count;
    while left > 0 {
        gate.wait_for(|is_open| *is_open).await?;
        left -= skip(stream, left).await?;
    }
    Ok(())
}

/// The least time and the highest rate of all tries; counts of all of them.
fn values(tried: &[Figures]) -> [(&'static Measure, f64); 5] {
    let mib = |figures: &Figures| (figures.read_bytes + figures.written_bytes) / MIB as f64;
    let all_mib: f64 = tried.iter().map(mib).sum();
    let each = |count: fn(&Figures) -> f64| tried.iter().map(count).sum::<f64>() / all_mib;
    let cpu =
        tried.iter().map(|figures| figures.cpu * 1e6 / mib(figures)).fold(f64::INFINITY, f64::min);
    let rate = tried.iter().map(|figures| mib(figures) / figures.clock).fold(0.0, f64::max);
    [
        (&READS, each(|figures| figures.reads)),
        (&WRITES, each(|figures| figures.writes)),
        (&ALLOCATIONS, each(|figures| figures.allocations)),
        (&CPU, cpu),
        (&RATE, rate),
    ]
}
