//! The servers that are compared: stock hyper, and ours.

use std::{future::Future, net::SocketAddr, thread, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{self, Handle},
    sync::oneshot,
};

use crate::{condition::Condition, service::answer};

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
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
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
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection.with_upgrades());
        }
    })
}

/// The next connection, with no delay between what the server writes and what the client sees.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().await.expect("a client");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// The server under test: THE PLACE TO PLUG IT IN. It runs `answer` as its service, parks as soon as it may (no linger), and leaves
/// `without` out of its conditions.
pub(crate) fn ours(_without: Option<Condition>) -> Server {
    stock()
}
