//! The servers that are compared: stock hyper, and ours.

use std::{future::Future, net::SocketAddr, thread, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::http::serve::{Listener, from_hyper, serve};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{self, Handle},
    sync::oneshot,
};

use crate::http_scripts::service::answer;

/// The servers' send buffers: far less than the largest response.
const SEND_BUFFER_LEN: u32 = 256 << 10;

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

/// Stock hyper: one `Connection` for as long as its socket is open.
pub(crate) fn stock() -> Server {
    Server::start(async |listener: TcpListener| {
        loop {
            let stream = accept(&listener).await;
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
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

/// The server under test. It parks as soon as it may.
pub(crate) fn ours() -> Server {
    Server::start(async |listener: TcpListener| {
        let server = serve(Plain(listener), from_hyper(service_fn(answer)))
            .linger(Duration::ZERO)
            .http2(false);
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
