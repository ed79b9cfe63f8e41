//! The servers that are compared: stock hyper, and ours.

use std::{future::Future, net::SocketAddr, thread, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::serve::{Listener, from_hyper, serve},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{self, Handle},
    sync::oneshot,
};

use crate::http_scripts::service::answer;

/// The servers' send buffers: far less than the largest response.
const SEND_BUFFER_LEN: u32 = 256 << 10;

/// Longer than most heads of the scripts, and shorter than a few.
pub(crate) const SMALL_HEAD_LEN: usize = 1 << 10;

/// Enough for all connections of a judge, awake at once.
const POOL_LEN: usize = 64 << 20;

/// A server on a thread of its own, until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    runtime: Handle,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Runs `serve` on a new listener.
    pub(crate) fn start<F, S>(serve: F) -> Self
    where
        F: FnOnce(TcpListener) -> S + Send + 'static,
        S: Future<Output = ()>,
    {
        let (started, starting) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime =
                runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = listener();
                let address = listener.local_addr().expect("a bound listener");
                started.send((address, Handle::current())).expect("the starter waits");
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        let (address, runtime) = starting.recv().expect("a server that starts");
        Self { address, runtime, _stop: stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long its thread has been busy so far.
    pub(crate) fn busy(&self) -> Duration {
        self.runtime.metrics().worker_total_busy_duration(0)
    }
}

/// What a server is told to do otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setting {
    Default,
    /// Each connection ends with its first answer.
    NoKeepAlive,
    /// Heads of at most [`SMALL_HEAD_LEN`].
    SmallHeads,
}

/// When the server under test takes a connection apart, and what it takes its memory from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// As soon as it may.
    Parked,
    /// When it has been idle for a second: in most scripts never.
    Lingering,
    /// As soon as it may, and awake connections and bodies have room in a pool.
    Pooled,
}

/// Stock hyper: one `Connection` for as long as its socket is open.
pub(crate) fn stock(setting: Setting) -> Server {
    Server::start(async move |listener: TcpListener| {
        let mut http1 = http1::Builder::new();
        match setting {
            Setting::Default => {}
            Setting::NoKeepAlive => drop(http1.keep_alive(false)),
            Setting::SmallHeads => drop(http1.max_header_size(SMALL_HEAD_LEN)),
        }
        loop {
            let stream = accept(&listener).await;
            let connection = http1.serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection.with_upgrades());
        }
    })
}

/// The next connection.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.expect("a client").0
}

/// A listener whose options every connection inherits: what the server writes is sent at once, and
/// a response of megabytes can't hide in a send buffer.
fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_nodelay(true).expect("no delay");
    socket.set_send_buffer_size(SEND_BUFFER_LEN).expect("a send buffer");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    socket.listen(1024).expect("a listener")
}

/// The server under test.
pub(crate) fn ours(setting: Setting, manner: Manner) -> Server {
    Server::start(async move |listener: TcpListener| {
        let mut server = serve(Plain(listener), from_hyper(service_fn(answer))).http2(false);
        server = match setting {
            Setting::Default => server,
            Setting::NoKeepAlive => server.keep_alive(false),
            Setting::SmallHeads => server.max_header_size(SMALL_HEAD_LEN),
        };
        let pool = Pool::new(POOL_LEN).expect("a budget");
        server = match manner {
            Manner::Parked => server.linger(Duration::ZERO),
            Manner::Lingering => server,
            Manner::Pooled => server.linger(Duration::ZERO).pool(&pool, POOL_LEN),
        };
        server.await.expect("no error");
    })
}

/// Connections as the system makes them, as for the stock server: `TcpListener` itself would set
/// options.
struct Plain(TcpListener);

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let stream = accept(&self.0).await;
        let client = stream.peer_addr().unwrap_or_else(|_| SocketAddr::from(([0; 4], 0)));
        (stream, client)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
