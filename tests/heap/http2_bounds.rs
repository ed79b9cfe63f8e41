//! What HTTP/2 clients make the server hold when they read nothing, or are not read: little, and
//! no more than the pool says.
//!
//! The clients write their frames by hand, onto plain sockets of the standard library, which hold
//! nothing on the heap. The service sends bytes of the heap, so that what hyper and h2 keep of them
//! is counted.

use std::{
    convert::Infallible,
    future::{IntoFuture, pending},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    pin::Pin,
    task::{Context, Poll},
    thread::sleep,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::{Method, Request, Response, service::service_fn};
use leasehold::{
    Pool,
    http::serve::{Connections, RequestBody, from_hyper, serve},
};
use tokio::runtime::Runtime;

use crate::support::heap;

const BUDGET: usize = 16 << 20;
const PIECE: usize = 16 << 10;

/// As many as stock hyper allows; this server allows fewer.
const STREAMS: u32 = 200;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

/// "GET /" and "POST /" of HPACK's static table, and `:authority: here`.
const GET: &[u8] = b"\x82\x86\x84\x01\x04here";
const POST: &[u8] = b"\x83\x86\x84\x01\x04here";

/// Bytes of the heap, without end. HTTP/1 gets one piece.
struct Endless(u64);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![7; PIECE])))))
    }
}

/// Answers a GET without end, and never reads a POST.
async fn answer(request: Request<RequestBody>) -> Result<Response<Endless>, Infallible> {
    if request.method() == Method::POST {
        let _request = request;
        return pending().await;
    }
    let pieces = if request.version() == hyper::Version::HTTP_2 { u64::MAX } else { 1 };
    Ok(Response::new(Endless(pieces)))
}

struct Site {
    runtime: Runtime,
    pool: Pool,
    address: SocketAddr,
    connections: Connections,
}

impl Site {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let pool = Pool::new(BUDGET).expect("a pool");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = serve(listener, from_hyper(service_fn(answer)))
            .pool(&pool, 1 << 20)
            .stall_timeout(Duration::from_secs(5));
        let connections = server.connections();
        runtime.spawn(server.into_future());
        let site = Self { runtime, pool, address, connections };
        site.visit(); // what is made once is made now
        site
    }

    /// An honest client of HTTP/1; how long it waits.
    fn visit(&self) -> Duration {
        let since = Instant::now();
        let mut client = TcpStream::connect(self.address).expect("the server listens");
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("an option");
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
            .expect("the server reads");
        let (mut answer, mut count) = ([0; 4096], 0);
        loop {
            match client.read(&mut answer).expect("an answer in time") {
                0 => break,
                more => count += more,
            }
        }
        assert!(count > PIECE, "{count} bytes");
        since.elapsed()
    }

    fn end(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(5));
        assert_eq!(self.pool.leased(), 0);
    }
}

struct Client(TcpStream);

impl Client {
    /// With windows of `window` bytes for each stream, and of all that HTTP/2 allows for the
    /// connection.
    fn connect(address: SocketAddr, window: u32) -> Self {
        let mut client = Self(TcpStream::connect(address).expect("the server listens"));
        client.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a preface");
        client.frame(SETTINGS, 0, 0, &[&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat());
        let more = (1_u32 << 31) - 1 - 65_535;
        client.frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        client.frame(SETTINGS, 1, 0, &[]);
        client
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let len = (payload.len() as u32).to_be_bytes();
        let head = [&len[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        // The server may have ended the connection.
        let _ = self.0.write_all(&[&head, payload].concat());
    }

    fn get(&mut self, number: u32) {
        self.frame(HEADERS, 5, 2 * number + 1, GET);
    }

    /// A request with a body of `len` bytes and more to come.
    fn post(&mut self, number: u32, len: usize) {
        self.frame(HEADERS, 4, 2 * number + 1, POST);
        for piece in vec![7; len].chunks(PIECE) {
            self.frame(DATA, 0, 2 * number + 1, piece);
        }
    }
}

/// Waits until the figure stands still.
fn settled() -> usize {
    let since = Instant::now();
    let mut last = heap::live();
    loop {
        sleep(Duration::from_millis(200));
        let now = heap::live();
        if (now - last).abs() < 4096 {
            return now.try_into().expect("more is allocated than freed");
        }
        assert!(since.elapsed() < Duration::from_secs(10), "it does not settle");
        last = now;
    }
}

/// What an attack makes the process hold, and what of it the pool says.
struct Held {
    heap: usize,
    leased: usize,
}

/// Runs an attack; an honest client is served meanwhile.
fn held(name: &str, attack: impl FnOnce(&Site) -> Vec<Client>) -> Held {
    let site = Site::start();
    let (before, leased) = (settled(), site.pool.leased());
    let clients = attack(&site);
    let held = Held { heap: settled().saturating_sub(before), leased: site.pool.leased() - leased };
    let honest = site.visit();
    println!("{name}: {} bytes of heap, {} leased, honest {honest:?}", held.heap, held.leased);
    assert!(honest < Duration::from_secs(1), "{name}: {honest:?}");
    drop(clients);
    site.end();
    held
}

impl Held {
    /// The pool's figure is the truth within a tenth.
    #[track_caller]
    fn is_told(&self) {
        assert!(
            self.heap <= self.leased + self.leased / 10,
            "{} bytes of heap, and the pool says {}",
            self.heap,
            self.leased
        );
    }
}

fn stalled(site: &Site, connections: usize, streams: u32, window: u32) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        let mut client = Client::connect(site.address, window);
        (0..streams).for_each(|number| client.get(number));
        clients.push(client);
    }
    clients
}

#[test]
fn a_client_that_reads_nothing_of_200_endless_responses_holds_less_than_a_mebibyte() {
    let _alone = heap::alone();
    for window in [(1 << 31) - 1, 0] {
        let held = held("one", |site| stalled(site, 1, STREAMS, window));
        assert!(held.heap <= 1 << 20, "{} bytes of heap", held.heap);
        held.is_told();
    }
}

#[test]
fn many_of_them_hold_no_more_than_the_budget() {
    let _alone = heap::alone();
    // With ten streams each, it is what is unsent that fills the room.
    for (connections, streams) in [(50, STREAMS), (60, 10)] {
        let held = held("many", |site| stalled(site, connections, streams, (1 << 31) - 1));
        assert!(held.heap <= BUDGET + BUDGET / 10, "{} bytes of heap", held.heap);
        held.is_told();
    }
}

/// The windows of the streams are opened by a byte at a time.
#[test]
fn windows_that_open_by_a_byte_are_bounded_the_same() {
    let _alone = heap::alone();
    let held = held("drips", |site| {
        let mut clients = stalled(site, 1, STREAMS, 0);
        for _ in 0..20 {
            for number in 0..100 {
                clients[0].frame(WINDOW_UPDATE, 0, 2 * number + 1, &1_u32.to_be_bytes());
            }
            sleep(Duration::from_millis(20));
        }
        clients
    });
    assert!(held.heap <= 1 << 20, "{} bytes of heap", held.heap);
    held.is_told();
}

#[test]
fn sixty_clients_whose_uploads_nobody_reads_hold_no_more_than_their_windows() {
    let _alone = heap::alone();
    let held = held("unread", |site| {
        let upload = |_| {
            let mut client = Client::connect(site.address, 65_535);
            (0..10).for_each(|number| client.post(number, 65_535 / 10));
            client
        };
        (0..60).map(upload).collect()
    });
    assert!(held.heap <= BUDGET + BUDGET / 10, "{} bytes of heap", held.heap);
    held.is_told();
}

/// A client that takes nothing is cut, whatever else its connection does.
#[test]
fn a_client_that_takes_nothing_of_its_responses_is_cut() {
    let _alone = heap::alone();
    let site = Site::start();
    let since = Instant::now();
    let _clients = stalled(&site, 1, STREAMS, 0);
    while site.connections.accepted() < 2 || site.connections.open() > 0 {
        sleep(Duration::from_millis(50));
        assert!(since.elapsed() < Duration::from_secs(9), "it is not cut");
    }
    assert!(since.elapsed() > Duration::from_secs(4), "{:?}", since.elapsed());
    site.end();
}
