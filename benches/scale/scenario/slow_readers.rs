//! What a server holds for clients that ask for much and read slowly.

use std::{
    convert::Infallible,
    future::{Future, IntoFuture},
    io::ErrorKind,
    time::Duration,
};

use bytes::{BufMut, Bytes};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool, codec,
    http::{
        ReaderBody,
        serve::{self, from_hyper},
    },
    io::write_all_buf,
};
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::{Instant, interval},
};

use super::Scenario;
use crate::{
    bench::Bench,
    curve::Curve,
    echo::accept,
    fit,
    host::{Post, Service},
    machine,
    plot::{Lines, Plot},
    row::{Better, Measure},
    server::Server,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

static RSS: Measure = Measure::new("RSS at most", "MiB", Better::Less);
static HEAP: Measure = Measure::new("heap", "MiB", Better::Less);
static LEASED: Measure = Measure::new("leased", "MiB", Better::Neither);
static KERNEL: Measure = Measure::new("TCP in the kernel", "MiB", Better::Less);
static RATE: Measure = Measure::new("read each", "KiB/s", Better::More);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "slow-readers",
    about: "N clients ask for 1 MiB each and read 1 KiB/s, with receive buffers of 8 KiB; ours has a budget of 64 MiB",
    steps: VARIANTS.len() as u64,
    run,
    serve,
    plots: &[Plot::Lines(Lines {
        file: PLOT,
        title: "Clients that ask for 1 MiB and read 1 KiB/s",
        x: "seconds since the first one asks",
        y: "resident memory of the server, MiB",
    })],
};

const PLOT: &str = "slow-readers-rss.svg";

/// With what each is asked.
const VARIANTS: [(&str, &[u8]); 4] = [
    ("hyper, Full<Bytes>", GET),
    ("tokio-util Framed", FRAME),
    ("leasehold serve", GET),
    ("leasehold chains", FRAME),
];

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const FRAME: &[u8] = &[0, 0, 0, 1, b'?'];

// ---- the servers --------------------------------------------------------------------------------

const BUDGET: usize = 64 * MIB;

/// What a client may have of the budget: there is room for eight thousand.
const BLOCK_LEN: usize = 8 * KIB;

/// What all ask for.
static CONTENT: [u8; MIB] = [b'x'; MIB];

fn serve(variant: &str, post: Post) -> Service {
    let listener = post.listener;
    match variant {
        "hyper, Full<Bytes>" => Service::stock(accept(listener, copied)),
        "tokio-util Framed" => Service::stock(accept(listener, buffered)),
        "leasehold serve" => {
            let pool = pool();
            let blocks = pool.clone();
            let answer = service_fn(move |_| {
                let body = ReaderBody::sized(&CONTENT[..], MIB as u64, &blocks).ahead(1);
                async { Ok::<_, Infallible>(Response::new(body)) }
            });
            Service::ours(&pool, serve::serve(listener, from_hyper(answer)).into_future())
        }
        "leasehold chains" => {
            let pool = pool();
            let blocks = pool.clone();
            Service::ours(&pool, accept(listener, move |stream| chains(stream, &blocks)))
        }
        other => unreachable!("{other} is no variant"),
    }
}

/// Blocks are small, for many clients share the budget.
fn pool() -> Pool {
    let pool = Pool::builder().budget(BUDGET).classes([KIB, 4 * KIB, BLOCK_LEN]);
    pool.build().expect("the budget can be reserved")
}

async fn copied(stream: TcpStream) {
    async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::new(Bytes::copy_from_slice(&CONTENT))))
    }
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await);
}

/// The codec copies a frame into the connection's `BytesMut`.
async fn buffered(stream: TcpStream) {
    let mut framed =
        tokio_util::codec::Framed::new(stream, tokio_util::codec::LengthDelimitedCodec::new());
    while let Some(Ok(asked)) = framed.next().await {
        drop(asked);
        if framed.send(Bytes::from_static(&CONTENT)).await.is_err() {
            return;
        }
    }
}

/// A frame that is made as the client takes it, a block at a time.
fn chains(stream: TcpStream, pool: &Pool) -> impl Future<Output = ()> + use<> {
    let account = pool.account("client", BLOCK_LEN);
    let mut framed = codec::Framed::new(stream, codec::LengthDelimitedCodec::new(), &account);
    async move {
        while let Some(Ok(asked)) = framed.next().await {
            drop(asked); // its block is half of what the client may have
            let stream = framed.get_mut();
            if stream.write_all(&(MIB as u32).to_be_bytes()).await.is_err() {
                return;
            }
            for piece in CONTENT.chunks(BLOCK_LEN) {
                let Ok(mut block) = account.lease(piece.len()).await else { return };
                block.put_slice(piece);
                if write_all_buf(stream, &mut block.freeze()).await.is_err() {
                    return;
                }
            }
        }
    }
}

// ---- the clients --------------------------------------------------------------------------------

/// What a client's socket takes ahead of it; the system makes it twice as much.
const RECEIVE_LEN: u32 = 4 * KIB as u32;

/// As on Ethernet: over loopback segments are of 64 KiB, for which the server's system would take
/// all of the response at once.
const SEGMENT_LEN: u32 = 1460;

/// Each client reads so much in a second.
const READ_LEN: usize = KIB;

/// How often those whose turn it is read, in a second.
const TURNS: usize = 20;

/// A second is this many samples of the memory.
const SAMPLES: usize = 4;

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let seconds = if bench.is_measured() { 12 } else { 1 };
    for (variant, request) in VARIANTS {
        bench.step(variant);
        let mut server = bench.server(variant)?;
        let kernel_before = machine::kernel_tcp()? as f64;
        let reading = Reading::new();
        let reading = bench.runtime().block_on(reading.run(
            &server,
            request,
            bench.connections(),
            seconds,
        ))?;
        let (figures, kernel) = (server.figures()?, machine::kernel_tcp()? as f64);
        let connections = reading.clients.len();
        let most = reading.points.iter().map(|(_, rss)| *rss).fold(0.0, f64::max);
        let mib = |bytes: f64| bytes / MIB as f64;
        let values = [
            (&RSS, most),
            (&HEAP, mib(figures.heap)),
            (&LEASED, mib(figures.leased)),
            (&KERNEL, mib(kernel - kernel_before)),
            (&RATE, reading.rate() / KIB as f64),
        ];
        bench.row("1 MiB at 1 KiB/s", variant, connections, values);
        bench.curve(Curve { plot: PLOT, variant, connections, points: reading.points });
    }
    Ok(())
}

/// Clients that read, and what the server has meanwhile.
struct Reading {
    start: Instant,
    clients: Vec<TcpStream>,
    /// Seconds, and MiB.
    points: Vec<(f64, f64)>,
    /// Bytes of all clients in the last while, and how long that was.
    read: usize,
    time: Duration,
}

impl Reading {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            clients: Vec::new(),
            points: Vec::new(),
            read: 0,
            time: Duration::ZERO,
        }
    }

    /// So many clients come, if there is memory for them, and read for a while when all are there.
    async fn run(
        mut self,
        server: &Server,
        request: &[u8],
        count: usize,
        seconds: usize,
    ) -> anyhow::Result<Self> {
        let before = server.rss()?;
        self.add(server, request, count.min(fit::TRIED)).await?;
        self.read(server, 1).await?;
        let each = (server.rss()? - before) / self.clients.len() as f64;
        self.add(server, request, fit::connections(each, count)?).await?;
        self.read(server, seconds).await?;
        Ok(self)
    }

    /// Until there are so many.
    async fn add(&mut self, server: &Server, request: &[u8], count: usize) -> anyhow::Result<()> {
        /// Memory is looked at again after so many.
        const SOME: usize = 250;
        while self.clients.len() < count {
            let mut stream = connect(server).await?;
            stream.write_all(request).await?;
            self.clients.push(stream);
            if self.clients.len().is_multiple_of(SOME) {
                self.sample(server)?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, server: &Server, seconds: usize) -> anyhow::Result<()> {
        let start = Instant::now();
        self.read = 0;
        let mut turns = interval(Duration::from_secs(1) / TURNS as u32);
        let mut room = [0; READ_LEN];
        for turn in 0..seconds * TURNS {
            turns.tick().await;
            for client in self.clients.iter().skip(turn % TURNS).step_by(TURNS) {
                self.read += take(client, &mut room)?;
            }
            if turn.is_multiple_of(TURNS / SAMPLES) {
                self.sample(server)?;
            }
        }
        turns.tick().await;
        self.time = start.elapsed();
        Ok(())
    }

    fn sample(&mut self, server: &Server) -> anyhow::Result<()> {
        self.points.push((self.start.elapsed().as_secs_f64(), server.rss()? / MIB as f64));
        Ok(())
    }

    /// Bytes that a client read in a second, of all clients.
    fn rate(&self) -> f64 {
        self.read as f64 / self.time.as_secs_f64() / self.clients.len() as f64
    }
}

/// Takes what there is, up to what a client wants in a second.
fn take(client: &TcpStream, room: &mut [u8]) -> anyhow::Result<usize> {
    match client.try_read(room) {
        Ok(0) => anyhow::bail!("the server hung up on a slow reader"),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        read => Ok(read?),
    }
}

async fn connect(server: &Server) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_LEN)?;
    let options = SockRef::from(&socket);
    options.set_tcp_mss(SEGMENT_LEN)?;
    options.set_linger(Some(Duration::ZERO))?;
    Ok(socket.connect(server.address()).await?)
}
