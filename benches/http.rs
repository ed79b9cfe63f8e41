//! HTTP/1.1 with connections that are parked, against stock hyper and axum: requests in a second,
//! and what one costs the server.
//!
//! The client is a thread with plain sockets that writes requests made beforehand and counts bytes;
//! each server is a thread of its own with one runtime. `cargo bench -p benches --bench http --
//! hello` takes the cases with that word in their names.

use std::{
    convert::Infallible,
    fs,
    future::Future,
    io::{Read, Write},
    net::{self, SocketAddr},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    routing::{get, post},
    serve::ListenerExt,
};
use bytes::{BufMut, Bytes};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::Full;
use hyper::{Request, Response, body::Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Chain, Pool,
    http::{ChainBody, serve, serve::from_hyper},
    layer::BudgetLayer,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use tower::{Layer, layer::util::Identity};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How long one try runs, and how many the best and the median are taken of: some meet nobody else
/// on a machine that others use too.
const TRY: Duration = Duration::from_millis(40);
const TRIES: usize = 41;

fn main() {
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    if is_measured {
        println!(
            "{:<26} {:<26} {:>10} {:>6} {:>10} {:>6} {:>11} {:>6} {:>11} {:>6}",
            "",
            "",
            "best req/s",
            "ratio",
            "median",
            "ratio",
            "best CPU us",
            "ratio",
            "median",
            "ratio"
        );
    }
    for case in [hello, budget, axum_budget, echo, response] {
        let case = case();
        if case.group.contains(&word) {
            case.measure(is_measured);
        }
    }
}

// ---- what is compared ---------------------------------------------------------------------------

fn hello() -> Case {
    async fn answer<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::from("hello, world")))
    }
    Case {
        group: "hello/50_connections",
        request: request("GET", 0),
        connections: 50,
        servers: vec![
            Server::new("leasehold", |listener| async {
                drop(serve(listener, from_hyper(service_fn(answer))).await)
            }),
            Server::new("leasehold_without_linger", |listener| async {
                drop(serve(listener, from_hyper(service_fn(answer))).linger(Duration::ZERO).await)
            }),
            Server::new("hyper", |listener| stock(listener, answer)),
        ],
    }
}

/// A service behind the layer that keeps requests within a budget, and the same without it.
fn budget() -> Case {
    async fn answer<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::from("hello, world")))
    }
    let (one, other) = (pool(), pool());
    Case {
        group: "budget/50_connections",
        request: request("GET", 0),
        connections: 50,
        servers: vec![
            Server::new("leasehold/BudgetLayer", |listener| async move {
                let service = BudgetLayer::new(&one).layer(from_hyper(service_fn(answer)));
                serve(listener, service).pool(&one, 4 * MIB).await.expect("no error");
            }),
            Server::new("leasehold", |listener| async move {
                serve(listener, from_hyper(service_fn(answer)))
                    .pool(&other, 4 * MIB)
                    .await
                    .expect("no error");
            }),
        ],
    }
}

/// The same in axum, whose `layer` boxes the service and its response once more for each layer,
/// whatever it does.
fn axum_budget() -> Case {
    let bare: Router = Router::new().route("/", get(async || "hello, world"));
    let layered = bare.clone().layer(BudgetLayer::new(&pool()));
    let through = bare.clone().layer(Identity::new());
    Case {
        group: "budget_in_axum/50_connections",
        request: request("GET", 0),
        connections: 50,
        servers: vec![
            Server::new("axum/BudgetLayer", |listener| axum(listener, layered)),
            Server::new("axum/Identity", |listener| axum(listener, through)),
            Server::new("axum", |listener| axum(listener, bare)),
        ],
    }
}

fn echo() -> Case {
    let pool = pool();
    let leased =
        Router::new().route("/", post(|body: Chain| async { body })).layer(Extension(pool));
    let bytes: Router = Router::new().route("/", post(|body: Bytes| async { body }));
    let (same, stock) = (bytes.clone(), bytes);
    Case {
        group: "echo_1MiB/8_connections",
        request: request("POST", MIB),
        connections: 8,
        servers: vec![
            Server::new("leasehold/Chain", |listener| async {
                drop(serve(listener, leased).await)
            }),
            Server::new("leasehold/Bytes", |listener| async { drop(serve(listener, same).await) }),
            Server::new("axum/Bytes", |listener| axum(listener, stock)),
        ],
    }
}

fn response() -> Case {
    let pool = pool();
    let mut body = pool.try_chain(MIB).expect("the budget is ample");
    body.put_bytes(7, MIB);
    let chain = body.freeze();
    let bytes = Bytes::from(vec![7; MIB]);
    let (same_chain, same_bytes) = (chain.clone(), bytes.clone());
    Case {
        group: "response_1MiB/8_connections",
        request: request("GET", 0),
        connections: 8,
        servers: vec![
            Server::new("leasehold/ChainBody", |listener| async {
                let answer = move |_| ready(ChainBody::new(chain.clone()));
                serve(listener, from_hyper(service_fn(answer))).await.expect("no error");
            }),
            Server::new("leasehold/Full<Bytes>", |listener| async {
                let answer = move |_| ready(Full::new(bytes.clone()));
                serve(listener, from_hyper(service_fn(answer))).await.expect("no error");
            }),
            Server::new("hyper/ChainBody", |listener| {
                stock(listener, move |_| ready(ChainBody::new(same_chain.clone())))
            }),
            Server::new("hyper/Full<Bytes>", |listener| {
                stock(listener, move |_| ready(Full::new(same_bytes.clone())))
            }),
        ],
    }
}

/// Blocks as they are by default.
fn pool() -> Pool {
    Pool::new(256 * MIB).expect("256 MiB can be reserved")
}

fn ready<B>(body: B) -> std::future::Ready<Result<Response<B>, Infallible>> {
    std::future::ready(Ok(Response::new(body)))
}

/// axum as its own examples have it, without a delay of Nagle's.
async fn axum(listener: TcpListener, app: Router) {
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
    axum::serve(listener, app).await.expect("axum's server does not fail");
}

/// hyper as its own examples have it, without a delay of Nagle's.
async fn stock<F, R, B>(listener: TcpListener, answer: F)
where
    F: Fn(Request<hyper::body::Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: Body<Error = Infallible, Data: Send> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let service = service_fn(answer.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn request(method: &str, len: usize) -> Vec<u8> {
    let mut request = format!("{method} / HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
    if len > 0 {
        request.extend(format!("content-length: {len}\r\n").bytes());
    }
    request.extend(b"\r\n");
    request.resize(request.len() + len, 7);
    request
}

// ---- a server -----------------------------------------------------------------------------------

struct Server {
    name: &'static str,
    address: SocketAddr,
    /// Where the system says how long its thread has run.
    schedstat: PathBuf,
}

impl Server {
    /// Runs for as long as the bench does.
    fn new<F: Future<Output = ()>>(
        name: &'static str,
        run: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> Self {
        let (ready, is_ready) = mpsc::channel();
        let serving = move || {
            current_thread().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let task = fs::read_link("/proc/thread-self").expect("a thread has an entry");
                let address = listener.local_addr().expect("an address");
                ready
                    .send((address, PathBuf::from("/proc").join(task).join("schedstat")))
                    .expect("it is waited for");
                run(listener).await;
            });
        };
        thread::Builder::new().name(name.into()).spawn(serving).expect("a thread");
        let (address, schedstat) = is_ready.recv().expect("the server begins");
        Self { name, address, schedstat }
    }

    /// How long its thread has run, in the system too.
    fn ran(&self) -> Duration {
        let stat = fs::read_to_string(&self.schedstat).expect("the kernel keeps it");
        let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.expect("a number"))
    }
}

// ---- the client ---------------------------------------------------------------------------------

/// One request at a time on each connection, as wrk does it; all of them in one thread.
struct Client<'a> {
    request: &'a [u8],
    /// How long each response is.
    response_len: usize,
    connections: Vec<(TcpStream, Vec<u8>)>,
    runtime: Runtime,
}

impl<'a> Client<'a> {
    fn new(address: SocketAddr, request: &'a [u8], connections: usize) -> Self {
        let runtime = current_thread();
        let connect = || {
            let mut stream = net::TcpStream::connect(address).expect("a listener");
            stream.set_nodelay(true).expect("a socket");
            stream.write_all(request).expect("the server is there");
            let response_len = first_response(&mut stream);
            stream.set_nonblocking(true).expect("a socket");
            let _guard = runtime.enter();
            (response_len, TcpStream::from_std(stream).expect("a runtime takes a socket"))
        };
        let (response_lens, streams): (Vec<_>, Vec<_>) =
            (0..connections).map(|_| connect()).unzip();
        let response_len = response_lens[0];
        let rooms = streams.into_iter().map(|stream| (stream, vec![0; response_len.min(64 * KIB)]));
        Self { request, response_len, connections: rooms.collect(), runtime }
    }

    /// As many requests on each connection.
    fn exchange(&mut self, rounds: usize) {
        let (request, response_len) = (self.request, self.response_len);
        let exchanges: FuturesUnordered<_> = self
            .connections
            .iter_mut()
            .map(async |(stream, room)| {
                for _ in 0..rounds {
                    stream.write_all(request).await.expect("the server is there");
                    let mut left = response_len;
                    while left > 0 {
                        let most = left.min(room.len());
                        let count =
                            stream.read(&mut room[..most]).await.expect("the server is there");
                        assert_ne!(count, 0, "the server keeps its connections");
                        left -= count;
                    }
                }
            })
            .collect();
        self.runtime.block_on(exchanges.collect::<()>());
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Reads a response, and says how long it is.
fn first_response(stream: &mut net::TcpStream) -> usize {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server is there");
        head.extend(byte);
    }
    let text = String::from_utf8(head).expect("a head of ASCII").to_lowercase();
    assert!(text.starts_with("http/1.1 200 "), "{text}");
    let len =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; len.parse().expect("a number")];
    stream.read_exact(&mut body).expect("the server is there");
    text.len() + body.len()
}

// ---- measuring ----------------------------------------------------------------------------------

struct Case {
    group: &'static str,
    request: Vec<u8>,
    connections: usize,
    /// The rival last.
    servers: Vec<Server>,
}

/// A second's requests, and the microseconds that the server runs for one.
#[derive(Clone, Copy)]
struct Try {
    rate: f64,
    cpu: f64,
}

impl Case {
    /// Tries in turns, and a line for each server, with ratios to the rival.
    fn measure(&self, is_measured: bool) {
        let connect =
            |server: &Server| Client::new(server.address, &self.request, self.connections);
        let mut clients: Vec<_> = self.servers.iter().map(connect).collect();
        if !is_measured {
            return clients.iter_mut().for_each(|client| client.exchange(1));
        }
        let rounds: Vec<usize> = clients.iter_mut().map(|client| rounds_in(TRY, client)).collect();
        let mut tries = vec![Vec::new(); self.servers.len()];
        for _ in 0..TRIES {
            for (index, (server, client)) in self.servers.iter().zip(&mut clients).enumerate() {
                let (start, ran) = (Instant::now(), server.ran());
                client.exchange(rounds[index]);
                let (took, ran) = (start.elapsed(), server.ran() - ran);
                let count = (rounds[index] * self.connections) as f64;
                tries[index].push(Try {
                    rate: count / took.as_secs_f64(),
                    cpu: ran.as_secs_f64() * 1e6 / count,
                });
            }
        }
        let figures: Vec<[f64; 4]> = tries.into_iter().map(best_and_median).collect();
        let rival = figures.last().copied().unwrap_or([f64::NAN; 4]);
        for (server, [best, median, best_cpu, median_cpu]) in self.servers.iter().zip(figures) {
            println!(
                "{:<26} {:<26} {best:>10.0} {:>6.3} {median:>10.0} {:>6.3} {best_cpu:>11.2} {:>6.3} {median_cpu:>11.2} {:>6.3}",
                self.group,
                server.name,
                best / rival[0],
                median / rival[1],
                best_cpu / rival[2],
                median_cpu / rival[3],
            );
        }
    }
}

/// Of the rate and of the time of the server.
fn best_and_median(mut tries: Vec<Try>) -> [f64; 4] {
    tries.sort_unstable_by(|a, b| b.rate.total_cmp(&a.rate));
    let (best, median) = (tries[0].rate, tries[tries.len() / 2].rate);
    tries.sort_unstable_by(|a, b| a.cpu.total_cmp(&b.cpu));
    [best, median, tries[0].cpu, tries[tries.len() / 2].cpu]
}

/// About how many requests on each connection take so long.
fn rounds_in(time: Duration, client: &mut Client<'_>) -> usize {
    let mut rounds = 1;
    loop {
        let start = Instant::now();
        client.exchange(rounds);
        let took = start.elapsed();
        if took >= time / 4 {
            return ((rounds as f64 * time.as_secs_f64() / took.as_secs_f64()) as usize).max(1);
        }
        rounds *= 2;
    }
}
