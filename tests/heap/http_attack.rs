//! 2,000 clients that send half a head each: who is served does not notice, memory stays within
//! bounds, and they are cut in time.
//!
//! One test, for the heap that is counted is the whole process's. Clients are plain sockets of the
//! standard library, which hold nothing there.

use crate::support::heap;

use std::{
    future::IntoFuture,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Pool,
    http::serve::{RequestBody, from_hyper, serve},
};
use tokio::net::TcpSocket;

const ATTACKERS: usize = 2000;
const BUDGET: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(2);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
const HALF: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nUser-Agent: slow";

/// One kind of attack.
#[derive(Debug)]
struct Attack {
    /// Complete requests before the half head.
    requests: usize,
    /// The length of its last header.
    padding: usize,
    /// How many are given their time, at least.
    open_min: usize,
}

#[test]
fn two_thousand_half_heads_hurt_nobody_and_are_cut_in_time() {
    let _alone = heap::alone();
    heap::files::allow(2 * ATTACKERS as u64 + 200);
    let attacks = [
        Attack { requests: 0, padding: 0, open_min: ATTACKERS },
        Attack { requests: 1, padding: 0, open_min: ATTACKERS },
        // For longer ones there is a quarter of the budget.
        Attack { requests: 0, padding: 3000, open_min: BUDGET / 4 / 4096 },
        Attack { requests: 0, padding: 6000, open_min: BUDGET / 4 / 18_432 },
    ];
    for attack in attacks {
        run(&attack);
    }
}

fn run(attack: &Attack) {
    let pool = Pool::new(BUDGET).expect("a pool");
    let (address, stop) = start(pool.clone());
    let mut client = Visitor::connect(address);
    let calm = client.visit_for(Duration::from_millis(500));
    let before = heap::live();

    let is_over = Arc::new(AtomicBool::new(false));
    let visits = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || client.visit_until(|| is_over.load(Relaxed))
    });
    let mut attackers = Vec::with_capacity(ATTACKERS);
    for _ in 0..ATTACKERS {
        attackers.push(attacker(address, attack));
    }
    let opened = attackers[0].1.elapsed();
    thread::sleep(TIMEOUT / 4);
    let (held, leased) = (heap::live() - before, pool.leased());
    let open = attackers.iter().filter(|(socket, _)| is_open(socket)).count();
    let (mut slowest, mut refused) = (Duration::ZERO, 0);
    for (socket, since) in &mut attackers {
        let heard = end_of(socket);
        // Those for which there is no room are told so; the others have their time.
        assert!(
            heard.is_empty() || heard.starts_with(b"HTTP/1.1 503 "),
            "{}",
            String::from_utf8_lossy(&heard)
        );
        refused += usize::from(!heard.is_empty());
        slowest = slowest.max(since.elapsed());
    }
    is_over.store(true, Relaxed);
    let noticed = visits.join().expect("it is served");
    println!(
        "{attack:?}: all open after {opened:?}, cut after {slowest:?} at most; {open} not before, {refused} refused; heap {held}, leased {leased}"
    );
    println!("  visits before: {calm:?}; meanwhile: {noticed:?}");
    assert!(slowest <= TIMEOUT + Duration::from_secs(3), "{slowest:?}");
    assert!(slowest >= TIMEOUT, "{slowest:?}");
    assert!(open >= attack.open_min, "{attack:?}: only {open} are given their time");
    // The sockets' tasks included, and far less than the pool may hold.
    assert!(
        usize::try_from(held).is_ok_and(|held| held <= BUDGET),
        "{attack:?}: {held} bytes of heap"
    );
    assert!(leased <= BUDGET / 2, "{leased}");
    // As far as a busy machine lets one tell.
    assert!(
        noticed.median <= calm.median * 3 + Duration::from_millis(20),
        "{noticed:?}, {calm:?} before"
    );
    assert!(noticed.longest <= TIMEOUT / 2, "{noticed:?}");
    stop.send(()).expect("the server runs");
    let since = Instant::now();
    while pool.leased() > 0 {
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "{} bytes are still leased",
            pool.leased()
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn start(pool: Pool) -> (SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (address, server) = runtime.block_on(async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(4096).expect("listening");
        let address = listener.local_addr().expect("an address");
        let server = serve(listener, from_hyper(service_fn(hello)))
            .pool(&pool, 100_000)
            .header_timeout(TIMEOUT);
        let server = server.linger(Duration::from_secs(60)).max_warm(2 << 20);
        (address, server.with_graceful_shutdown(async { drop(stopped.await) }).into_future())
    });
    thread::spawn(move || runtime.block_on(server));
    (address, stop)
}

async fn hello(_: Request<RequestBody>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    Ok(Response::new(Full::from("hello")))
}

/// A connection with half a head on it, and when that was sent.
fn attacker(address: SocketAddr, attack: &Attack) -> (TcpStream, Instant) {
    let mut visitor = Visitor::connect(address);
    for _ in 0..attack.requests {
        visitor.visit();
    }
    visitor.0.write_all(HALF).expect("half a head");
    static PADDING: [u8; 6000] = [b'x'; 6000];
    visitor.0.write_all(&PADDING[..attack.padding]).expect("more of it");
    (visitor.0, Instant::now())
}

/// Whether nothing has come, and no end either.
fn is_open(socket: &TcpStream) -> bool {
    socket.set_nonblocking(true).expect("an option");
    let peeked = socket.peek(&mut [0]);
    socket.set_nonblocking(false).expect("an option");
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// What comes before the end; a reset is one too, for what nobody has read.
fn end_of(socket: &mut TcpStream) -> Vec<u8> {
    socket.set_read_timeout(Some(TIMEOUT * 4)).expect("a timeout");
    let mut bytes = Vec::new();
    if let Err(error) = socket.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    bytes
}

/// A client with good manners.
struct Visitor(TcpStream);

/// How long its requests took.
#[derive(Debug)]
struct Visits {
    #[expect(dead_code, reason = "it is printed")]
    count: usize,
    median: Duration,
    longest: Duration,
}

impl Visitor {
    fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_nodelay(true).expect("an option");
        Self(socket)
    }

    fn visit(&mut self) -> Duration {
        let since = Instant::now();
        self.0.write_all(GET).expect("a request");
        let (mut heard, mut len) = ([0; 1024], 0);
        while !heard[..len].ends_with(b"\r\n\r\nhello") {
            let count = self.0.read(&mut heard[len..]).expect("an answer");
            assert!(count > 0, "the server hung up");
            len += count;
        }
        since.elapsed()
    }

    fn visit_for(&mut self, long: Duration) -> Visits {
        let since = Instant::now();
        self.visit_until(|| since.elapsed() > long)
    }

    fn visit_until(&mut self, is_over: impl Fn() -> bool) -> Visits {
        let mut all = Vec::with_capacity(10_000);
        while !is_over() {
            all.push(self.visit());
            thread::sleep(Duration::from_millis(5));
        }
        all.sort_unstable();
        Visits { count: all.len(), median: all[all.len() / 2], longest: all[all.len() - 1] }
    }
}
