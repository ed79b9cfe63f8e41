//! Servers of one idea each, and what a connection to them holds on the heap once it is idle.
//!
//! Clients are plain sockets of the standard library, which hold nothing there: every byte that is
//! counted is the server's.

#![expect(
    clippy::manual_async_fn,
    reason = "an async fn would keep its arguments beside what is made of them, in every task"
)]

use std::{
    future::{Future, poll_fn},
    io::{Read, Write},
    net::{SocketAddr, TcpStream as Client},
    pin::Pin,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use leasehold::{
    ChainMut, Pool,
    codec::{self, compat},
    io::{BufStream, ChainReader},
};
use tokio::{
    io::AsyncBufReadExt,
    net::{TcpSocket, TcpStream},
};

use super::heap;

#[path = "http.rs"]
mod http;
#[path = "ws.rs"]
pub(crate) mod ws;

/// The limit of each connection's account.
const LIMIT: usize = 4 << 20;

/// What serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// A task that waits for readiness and never reads: the base_len.
    BareTask,
    /// [`ChainReader`] in a loop, in an account of its own; what is read is dropped.
    RawReader,
    /// [`BufStream`], by lines.
    BufStream,
    /// This crate's `Framed`, which echoes.
    Framed,
    /// tokio-util's codec on this crate's transport, which echoes.
    CompatFramed,
    /// tokio-util's `Framed`, which echoes.
    TokioUtilFramed,
    /// tokio's `BufStream`, by lines.
    TokioBufStream,
    /// [`serve`](leasehold::http::serve::serve) with a hyper service, each connection with an
    /// account.
    ServeHyper,
    /// [`serve`](leasehold::http::serve::serve) with an axum `Router`, each connection with an
    /// account.
    ServeAxum,
    /// hyper's HTTP/1.
    Hyper,
    /// `axum::serve`.
    Axum,
    /// A WebSocket behind [`serve`](leasehold::http::serve::serve) with an account, pings, and a
    /// hub, which echoes.
    WebSocket,
    /// The same, in one task, as one writes it who does not count bytes.
    WebSocketAtEase,
    /// tokio-tungstenite, which echoes.
    TokioTungstenite,
    /// fastwebsockets, which echoes.
    FastWebSockets,
    /// tokio-websockets, which echoes.
    TokioWebSockets,
}

/// What each connection did before it was idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// One message of 10 bytes; of HTTP, a GET; of a WebSocket, 100 bytes.
    Small,
    /// One message of 1,000,000 bytes; of HTTP, a POST of a mebibyte; of a WebSocket, a mebibyte.
    Large,
}

impl Stack {
    fn echoes(self) -> bool {
        matches!(self, Self::Framed | Self::CompatFramed | Self::TokioUtilFramed)
    }

    fn is_http(self) -> bool {
        matches!(self, Self::ServeHyper | Self::ServeAxum | Self::Hyper | Self::Axum)
    }

    fn is_web_socket(self) -> bool {
        matches!(self, Self::WebSocket | Self::WebSocketAtEase)
            || matches!(self, Self::TokioTungstenite | Self::FastWebSockets | Self::TokioWebSockets)
    }
}

impl Load {
    fn len(self) -> usize {
        match self {
            Self::Small => 10,
            Self::Large => 1_000_000,
        }
    }
}

/// What `count` idle connections hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Bytes on the heap, a connection.
    pub(crate) heap: usize,
    /// Bytes leased by all connections together.
    pub(crate) leased: usize,
}

/// Opens `count` connections to `stack`, lets each do `load`, and counts what is held when all are
/// idle.
pub(crate) fn idle(stack: Stack, load: Load, count: usize) -> Held {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let pool = Pool::new(64 << 20).expect("a pool");
    let (addr, server) = runtime.block_on(listen(stack, pool.clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = server => {}, _ = stopped => {} }
        });
    });
    // The first ones make what all share: the driver's lists, the tables of the blocks that are in
    // use at once.
    const FIRST: usize = 10;
    let mut clients: Vec<Client> = Vec::with_capacity(FIRST + count);
    clients.extend((0..FIRST).map(|_| visit(addr, stack, load)));
    settle(&pool);
    let before = heap::live();
    clients.extend((0..count).map(|_| visit(addr, stack, load)));
    settle(&pool);
    let held = heap::live() - before;
    let leased = pool.leased();
    stop.send(()).expect("the server runs");
    thread.join().expect("the server ends");
    Held { heap: usize::try_from(held).unwrap_or(0) / count, leased }
}

/// Until tasks have run to where they wait: until nothing has changed for a while.
fn settle(pool: &Pool) {
    let figures = || (heap::live(), pool.leased());
    let mut last = figures();
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = figures();
        if std::mem::replace(&mut last, now) == now {
            return;
        }
    }
}

/// Does the load on a new connection, and returns it open.
fn visit(addr: SocketAddr, stack: Stack, load: Load) -> Client {
    let mut client = Client::connect(addr).expect("the server listens");
    // A second write waits for nothing.
    client.set_nodelay(true).expect("a socket");
    if stack.is_http() {
        http::visit(&mut client, load);
        return client;
    }
    if stack.is_web_socket() {
        ws::visit(&mut client, stack, load);
        return client;
    }
    // On the stack or static, so that the count is the server's alone.
    static MESSAGE: [u8; 1_000_000] = [b'x'; 1_000_000];
    let len = load.len();
    let head = (len as u32).to_be_bytes();
    client.write_all(&head).expect("a head");
    client.write_all(&MESSAGE[..len]).expect("a message");
    if matches!(stack, Stack::BufStream | Stack::TokioBufStream) {
        client.write_all(b"\n").expect("the end of a line");
    }
    if stack.echoes() {
        let (mut left, mut heard) = (head.len() + len, [0; 4096]);
        while left > 0 {
            let want = left.min(heard.len());
            left -= match client.read(&mut heard[..want]).expect("an echo") {
                0 => panic!("the server hung up"),
                count => count,
            };
        }
    }
    client
}

async fn listen(
    stack: Stack,
    pool: Pool,
) -> (SocketAddr, Pin<Box<dyn Future<Output = ()> + Send>>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    // tokio's own `bind` listens with a backlog of 128.
    let listener = socket.listen(4096).expect("listening");
    let addr = listener.local_addr().expect("an address");
    if stack.is_http() {
        return (addr, http::server(stack, listener, &pool));
    }
    if stack.is_web_socket() {
        return (addr, ws::server(stack, listener, &pool));
    }
    let accept = async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            match stack {
                Stack::BareTask => drop(tokio::spawn(bare_task(stream))),
                Stack::RawReader => drop(tokio::spawn(raw_reader(stream, &pool))),
                Stack::BufStream => drop(tokio::spawn(lines(BufStream::new(
                    stream,
                    &pool.account("connection", LIMIT),
                )))),
                Stack::Framed => drop(tokio::spawn(framed(stream, &pool))),
                Stack::CompatFramed => drop(tokio::spawn(compat_framed(stream, &pool))),
                Stack::TokioUtilFramed => drop(tokio::spawn(tokio_util_framed(stream))),
                Stack::TokioBufStream => {
                    drop(tokio::spawn(lines(tokio::io::BufStream::new(stream))))
                }
                _ => unreachable!("{stack:?} accepts for itself"),
            }
        }
    };
    (addr, Box::pin(accept))
}

fn bare_task(stream: TcpStream) -> impl Future<Output = ()> {
    async move {
        loop {
            poll_fn(|cx| stream.poll_read_ready(cx)).await.expect("a socket");
            let mut dropped = [0; 4096];
            while stream.try_read(&mut dropped).is_ok_and(|count| count > 0) {}
        }
    }
}

fn raw_reader(mut stream: TcpStream, pool: &Pool) -> impl Future<Output = ()> + use<> {
    let mut chain = ChainMut::new(&pool.account("connection", LIMIT));
    let mut reader = ChainReader::new();
    async move {
        while reader.read(&mut stream, &mut chain).await.expect("bytes") > 0 {
            chain.clear();
        }
    }
}

fn lines(mut stream: impl tokio::io::AsyncBufRead + Unpin) -> impl Future<Output = ()> {
    async move {
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await.expect("a line") == 0 {
                return;
            }
        }
    }
}

fn framed(stream: TcpStream, pool: &Pool) -> impl Future<Output = ()> + use<> {
    let pool = pool.account("connection", LIMIT);
    let mut framed = codec::Framed::new(stream, codec::LengthDelimitedCodec::new(), &pool);
    async move {
        while let Some(frame) = framed.next().await {
            framed.send(frame.expect("a frame")).await.expect("an echo");
        }
    }
}

fn compat_framed(stream: TcpStream, pool: &Pool) -> impl Future<Output = ()> + use<> {
    let codec = tokio_util::codec::LengthDelimitedCodec::new();
    let mut framed =
        compat::Framed::new(stream, codec).charge_to(&pool.account("connection", LIMIT));
    async move {
        while let Some(frame) = framed.next().await {
            framed.send(frame.expect("a frame").freeze()).await.expect("an echo");
        }
    }
}

fn tokio_util_framed(stream: TcpStream) -> impl Future<Output = ()> {
    let mut framed =
        tokio_util::codec::Framed::new(stream, tokio_util::codec::LengthDelimitedCodec::new());
    async move {
        while let Some(frame) = framed.next().await {
            framed.send(frame.expect("a frame").freeze()).await.expect("an echo");
        }
    }
}
