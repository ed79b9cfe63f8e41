//! `Site`: a server on a thread of its own, and its pool.

use std::{
    net::SocketAddr,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::{JoinHandle, panicking, sleep, spawn},
    time::{Duration, Instant},
};

use leasehold::{Account, Pool, io::limit_unsent};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime,
    sync::oneshot,
};

use crate::attack::{
    heap::{self, files},
    neighbour::Exchange,
};

/// Of each server.
pub(crate) const BUDGET: usize = 16 << 20;

/// How long a server waits for memory: shorter than by default, so that tests end.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);

/// What the system may hold of what a peer does not read; on loopback it would be megabytes for
/// each.
pub(crate) const UNSENT_MAX: u32 = 64 << 10;

/// What it may hold of what a server does not read yet: little, so that floods soon meet a server
/// that is busy.
const UNREAD_MAX: u32 = 128 << 10;

/// Nothing that is to happen takes so long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs.
pub(crate) struct Site {
    pub(crate) pool: Pool,
    /// An account around all that is leased: unlike the pool it knows its peak exactly.
    pub(crate) all: Account,
    pub(crate) address: SocketAddr,
    /// What a client with good manners asks, and is told.
    pub(crate) exchange: Exchange,
    open: Arc<dyn Fn() -> usize + Send + Sync>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _alone: MutexGuard<'static, ()>,
}

impl Site {
    /// Serves connections one by one with `handle`, each in an account of at most `limit` bytes.
    pub(crate) fn of<H, F>(exchange: Exchange, limit: usize, handle: H) -> Self
    where
        H: Fn(TcpStream, Account) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let open = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&open);
        let counted = Arc::new(move || seen.load(SeqCst));
        Self::start(exchange, async move |listener, all| {
            let server = async move {
                loop {
                    let (stream, peer) = listener.accept().await.expect("they come");
                    limit_unsent(&stream, UNSENT_MAX).expect("an option of the system");
                    let serving = handle(stream, all.account(peer.to_string(), limit));
                    let open = Open::new(&open);
                    tokio::spawn(async move {
                        let _open = open;
                        serving.await;
                    });
                }
            };
            (server, counted as Arc<dyn Fn() -> usize + Send + Sync>)
        })
    }

    /// Runs what `serve` makes of a listener and the account for all; and how many connections are
    /// open.
    pub(crate) fn start<F>(
        exchange: Exchange,
        serve: impl AsyncFnOnce(TcpListener, Account) -> (F, Arc<dyn Fn() -> usize + Send + Sync>),
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let alone = heap::alone(); // the heap and the descriptors are the whole process's
        files::allow(12_000);
        let pool = Pool::builder().budget(BUDGET).max_wait(WAIT_MAX).build().expect("a pool");
        let all = pool.account("all", BUDGET);
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (address, (server, open)) = runtime.block_on(async {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(UNREAD_MAX).expect("an option");
            socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
            let listener = socket.listen(4096).expect("it listens");
            let address = listener.local_addr().expect("an address");
            tokio::spawn(pool.maintain());
            (address, serve(listener, all.clone()).await)
        });
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = server => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            pool,
            all,
            address,
            exchange,
            open,
            stop: Some(stop),
            thread: Some(thread),
            _alone: alone,
        }
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        (self.open)()
    }

    /// Waits until all is home: no connection is open, nothing leased, nothing charged, nobody
    /// waits. Then the server ends.
    pub(crate) fn end(self) {
        until("all is home", || self.open() == 0 && self.pool.leased() == 0);
        let stats = self.pool.stats();
        assert_eq!((stats.leased, stats.reserved, stats.waiting, self.all.leased()), (0, 0, 0, 0));
        assert!(stats.classes.iter().all(|class| class.leased == 0), "{stats:?}");
        assert!(stats.accounts.iter().all(|account| account.leased == 0), "{stats:?}");
        assert!(stats.mapped <= BUDGET && self.all.peak() <= BUDGET);
    }
}

impl Drop for Site {
    /// Also after a failure: the next test counts on a heap that rests.
    fn drop(&mut self) {
        self.stop = None;
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_some_and(|ended| ended.is_ok()) || panicking(), "the server panicked");
    }
}

/// Waits for what comes without being asked for.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "not in time: {what}");
        sleep(Duration::from_micros(500));
    }
}

/// A connection that is open, while this lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
