//! `Neighbour`: a client with good manners, on a thread of its own, that asks again and again.

use std::{
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

/// So long that an answer needs more than the smallest blocks.
const LEN: usize = 16 << 10;

/// It comes on a new connection after so many calls: a server must go on accepting, too.
const CALLS: usize = 16;

/// It calls so often at least, however short an attack is.
const CALLS_MIN: usize = 2 * CALLS;

/// What it needs of a server's memory.
pub(crate) const NEED: usize = 128 << 10;

const PAUSE: Duration = Duration::from_millis(5);

/// Nobody is to wait so long. A server that is not optimised, on a machine that is busy, takes a
/// second for some floods.
const LATENCY_MAX: Duration = Duration::from_secs(5);

/// A client that is never served is told so.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it asks, and how the answer ends.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    ask: Vec<u8>,
    answer: Vec<u8>,
}

impl Exchange {
    /// An echo: `wrap` makes a request of a payload, which ends the answer.
    pub(crate) fn echo(wrap: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let payload: Vec<u8> =
            std::iter::once(ECHO).chain((1..LEN).map(|at| (at % 251) as u8)).collect();
        Self { ask: wrap(&payload), answer: payload }
    }
}

/// How a message begins that is to be echoed.
pub(crate) const ECHO: u8 = b'e';

pub(crate) struct Neighbour {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Visits>,
}

/// How it was served.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visits {
    count: usize,
    worst: Duration,
}

impl Neighbour {
    /// Begins to ask, and has been answered.
    pub(crate) fn start(address: SocketAddr, exchange: Exchange) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut client = Client::connect(address, exchange);
        client.call();
        let seen = Arc::clone(&is_over);
        let thread = spawn(move || {
            let mut visits = Visits::default();
            while !seen.load(Relaxed) || visits.count < CALLS_MIN {
                let since = Instant::now();
                if visits.count % CALLS == CALLS - 1 {
                    client.connect_again(address);
                }
                client.call();
                visits.count += 1;
                visits.worst = visits.worst.max(since.elapsed());
                sleep(PAUSE);
            }
            visits
        });
        Self { is_over, thread }
    }

    /// Stops, and says how it was served: in time.
    pub(crate) fn stop(self) -> Visits {
        self.is_over.store(true, Relaxed);
        let visits = self.thread.join().expect("it is served");
        assert!(visits.worst < LATENCY_MAX, "it is served badly: {visits:?}");
        visits
    }
}

impl fmt::Display for Visits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, worst {} ms", self.count, self.worst.as_millis())
    }
}

struct Client {
    socket: TcpStream,
    exchange: Exchange,
    heard: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr, exchange: Exchange) -> Self {
        Self { socket: connected(address), exchange, heard: Vec::with_capacity(2 * LEN) }
    }

    fn connect_again(&mut self, address: SocketAddr) {
        self.socket = connected(address);
    }

    fn call(&mut self) {
        self.socket.write_all(&self.exchange.ask).expect("it is read");
        self.heard.clear();
        let mut room = [0; 4 << 10];
        while !self.heard.ends_with(&self.exchange.answer) {
            let count = self.socket.read(&mut room).expect("it is answered");
            assert!(count > 0, "the server hung up after {} bytes", self.heard.len());
            self.heard.extend_from_slice(&room[..count]);
        }
    }
}

fn connected(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the server listens");
    socket.set_nodelay(true).expect("an option");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    socket
}
