//! One message to many sockets: until the last client has it.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use leasehold::Pool;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{KIB, MIB, audience::Audience, clock::Clock, feeds, files};

/// Each has two descriptors here.
const SOCKETS: usize = 5000;

/// The sockets of all servers at once would need too many descriptors: each has its sessions, in
/// turns, of so many tries.
const SESSIONS: usize = 5;
const TRIES: usize = 8;

pub(crate) fn measure(name: &str, is_measured: bool) {
    let sockets = if is_measured { SOCKETS } else { 20 };
    files::allow(2 * sockets as u64 + 300);
    let mut figures: Vec<_> = FEEDS.iter().map(|_| Vec::new()).collect();
    let mut heaps = vec![None; FEEDS.len()];
    for _ in 0..if is_measured { SESSIONS } else { 1 } {
        for (index, feed) in FEEDS.iter().enumerate() {
            let mut session = Session::new(feed, sockets);
            if !is_measured {
                session.exchange();
                continue;
            }
            // The first one finds queues and buffers that were never used.
            heaps[index] =
                Some([session.figures(false), session.figures(true), session.figures(false)]);
            figures[index].extend((0..TRIES).map(|_| session.exchange()));
        }
    }
    if is_measured {
        print_times(name, sockets, figures);
        print_heaps(name, &heaps);
    }
}

// ---- the servers --------------------------------------------------------------------------------

/// What serves, and broadcasts when it is told to.
struct Feed {
    name: &'static str,
    serve: fn(TcpListener, UnboundedReceiver<Order>) -> Serving,
}

type Serving = Pin<Box<dyn Future<Output = ()>>>;

/// Ours first.
const FEEDS: [Feed; 4] = [
    Feed { name: "leasehold/Hub", serve: |listener, orders| Box::pin(hub(listener, orders)) },
    Feed {
        name: "tungstenite/broadcast",
        serve: |listener, orders| Box::pin(feeds::channel(listener, orders, stock)),
    },
    Feed {
        name: "tungstenite/mpsc",
        serve: |listener, orders| Box::pin(feeds::channels(listener, orders, stock)),
    },
    Feed {
        name: "fastwebsockets/broadcast",
        serve: |listener, orders| Box::pin(feeds::fast_channel(listener, orders, stock)),
    },
];

enum Order {
    Broadcast,
    /// Tells what is held, after a broadcast is queued for all, or as it is.
    Figures {
        is_queued: bool,
        answer: mpsc::Sender<Figures>,
    },
}

/// Bytes.
#[derive(Clone, Copy)]
struct Figures {
    heap: usize,
    leased: usize,
}

async fn hub(listener: TcpListener, orders: UnboundedReceiver<Order>) {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    let figures = pool.clone();
    feeds::hub(listener, pool, orders, |order, say| obey(order, say, || figures.leased())).await;
}

fn stock(order: Order, say: &dyn Fn()) {
    obey(order, say, || 0);
}

fn obey(order: Order, say: &dyn Fn(), leased: impl Fn() -> usize) {
    match order {
        Order::Broadcast => say(),
        Order::Figures { is_queued, answer } => {
            if is_queued {
                say();
            }
            answer.send(Figures { heap: heap(), leased: leased() }).expect("it is waited for");
        }
    }
}

/// What the program has of the allocator; unlike one that counts, this costs nothing while it is
/// not asked for.
fn heap() -> usize {
    // SAFETY: the call has no conditions.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

// ---- the client ---------------------------------------------------------------------------------

/// A server, and all its clients.
struct Session {
    audience: Audience,
    orders: Option<UnboundedSender<Order>>,
    clock: Clock,
    server: Option<thread::JoinHandle<()>>,
    /// The heap before there were clients.
    heap: usize,
}

/// How long one broadcast took, and how long the server ran for it.
struct Try {
    took: Duration,
    ran: Duration,
}

impl Session {
    fn new(feed: &'static Feed, sockets: usize) -> Self {
        let (ready, is_ready) = mpsc::channel::<(SocketAddr, Clock)>();
        let (orders, received) = unbounded_channel();
        let serving = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
                let listener = socket.listen(4096).expect("listening");
                ready
                    .send((listener.local_addr().expect("an address"), Clock::here()))
                    .expect("it is waited for");
                (feed.serve)(listener, received).await;
            });
        };
        let server =
            thread::Builder::new().name(feed.name.into()).spawn(serving).expect("a thread");
        let (address, clock) = is_ready.recv().expect("the server begins");
        let (mut audience, heap) = (Audience::default(), heap());
        audience.grow(address, sockets);
        let mut session =
            Self { audience, orders: Some(orders), clock, server: Some(server), heap };
        // The last ones may not be accepted yet: a broadcast that all have heard says that they
        // are.
        while !session.is_heard_by_all() {}
        session
    }

    fn order(&self, order: Order) {
        self.orders.as_ref().expect("until the end").send(order).expect("the server runs");
    }

    fn is_heard_by_all(&mut self) -> bool {
        self.order(Order::Broadcast);
        self.audience.has_heard()
    }

    fn exchange(&mut self) -> Try {
        self.settle();
        let (start, ran) = (Instant::now(), self.clock.ran());
        self.order(Order::Broadcast);
        self.audience.hear();
        let took = start.elapsed();
        self.settle();
        Try { took, ran: self.clock.ran() - ran }
    }

    /// What is held beyond what was at the beginning, when all is idle, or when a broadcast is
    /// queued for all.
    fn figures(&mut self, is_queued: bool) -> Figures {
        self.settle();
        let (answer, answered) = mpsc::channel();
        self.order(Order::Figures { is_queued, answer });
        let figures = answered.recv().expect("the server runs");
        if is_queued {
            self.audience.hear();
        }
        Figures { heap: figures.heap.saturating_sub(self.heap), ..figures }
    }

    /// Until the server does nothing.
    fn settle(&self) {
        let mut last = self.clock.ran();
        loop {
            thread::sleep(Duration::from_millis(10));
            let now = self.clock.ran();
            if std::mem::replace(&mut last, now) == now {
                return;
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.orders.take());
        let ended = self.server.take().map(thread::JoinHandle::join);
        if !thread::panicking() {
            ended.expect("it was started").expect("the server did not panic");
        }
    }
}

// ---- measuring ----------------------------------------------------------------------------------

fn print_times(name: &str, sockets: usize, tries: Vec<Vec<Try>>) {
    println!(
        "{name} to {sockets} sockets, until the last client has it; ratios to the faster of the others, in each column"
    );
    println!(
        "{:<24} {:>10} {:>6} {:>10} {:>6} {:>12} {:>6} {:>10} {:>6}",
        "", "best ms", "ratio", "median", "ratio", "best CPU ms", "ratio", "median", "ratio"
    );
    let best_and_median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        [times[0], times[times.len() / 2]].map(|time| time.as_secs_f64() * 1e3)
    };
    let figures: Vec<[f64; 4]> = tries
        .into_iter()
        .map(|tries| {
            let [best, median] = best_and_median(tries.iter().map(|one| one.took).collect());
            let [best_cpu, median_cpu] = best_and_median(tries.iter().map(|one| one.ran).collect());
            [best, median, best_cpu, median_cpu]
        })
        .collect();
    let fastest: [f64; 4] = std::array::from_fn(|column| {
        figures[1..].iter().map(|row| row[column]).fold(f64::INFINITY, f64::min)
    });
    for (feed, row) in FEEDS.iter().zip(figures) {
        let [a, b, c, d] = std::array::from_fn(|column| row[column] / fastest[column]);
        let [best, median, best_cpu, median_cpu] = row;
        println!(
            "{:<24} {best:>10.2} {a:>6.3} {median:>10.2} {b:>6.3} {best_cpu:>12.2} {c:>6.3} {median_cpu:>10.2} {d:>6.3}",
            feed.name
        );
    }
}

/// Idle after the first broadcast, with one queued for all, and idle again.
fn print_heaps(name: &str, heaps: &[Option<[Figures; 3]>]) {
    println!("{name}: KiB of heap of all sockets, and KiB leased");
    println!(
        "{:<24} {:>14} {:>8} {:>14} {:>8} {:>14} {:>8}",
        "", "idle", "leased", "queued", "leased", "sent", "leased"
    );
    for (feed, heaps) in FEEDS.iter().zip(heaps) {
        let Some(heaps) = heaps else { continue };
        let [a, b, c] =
            heaps.map(|figures| format!("{:>14} {:>8}", figures.heap / KIB, figures.leased / KIB));
        println!("{:<24} {a} {b} {c}", feed.name);
    }
}
