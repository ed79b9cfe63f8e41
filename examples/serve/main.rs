//! Serves a directory over HTTP out of leased blocks, under one hard budget.
//!
//! ```text
//! cargo run --release --example serve
//! cargo run --release --example serve -- --root target/doc --listen 127.0.0.1:0 --budget 8MiB
//! ```
//!
//! An ordinary hyper service. What is special about it: file bodies and pages live in blocks of a [`Pool`], so the memory of all
//! transfers together never exceeds `--budget`, and every connection has an account with a limit of its own.
//! `GET /-/pool` shows the pool's figures.
//!
//! `service` routes a request; `path`, `files`, `ranges` and `listing` find what it asks for; `reply`, `body` and `disk` make the
//! answer.

#![allow(
    unreachable_pub,
    reason = "nothing is reachable from outside of a program; `pub` says what a module offers the others"
)]

mod body;
mod disk;
mod files;
mod listing;
mod options;
mod path;
mod ranges;
mod reply;
mod service;
mod stall;
mod status;
mod stop;

use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use leasehold::Pool;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{files::Root, options::Options, service::Service, stall::StallLimit, stop::StopSignal};

/// Files are opened on tokio's threads for blocking calls. The default of 512 such threads would be a memory cost of its own.
const BLOCKING_THREADS: usize = 16;

/// What hyper may hold of one connection: a request's head, and one or two blocks on their way out.
const HYPER_BUF_MAX: usize = 64 << 10;

/// How long a client may take for a request's head, and how long an idle connection is kept.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// What the kernel may hold of each client. With the stall limit below, a client that reads 20 KB/s is served to the end, and one
/// that reads 10 KB/s is cut off: the kernel tells of progress in large steps.
const SEND_BUFFER_LEN: u32 = 128 << 10;

/// How long a client may stop reading. Less than the 30 s that others wait for memory at most, so that blocks of clients that
/// went to sleep come home before anybody's download fails for the lack of them.
const STALL_MAX: Duration = Duration::from_secs(20);

/// How long open requests may take to finish after Ctrl-C.
const DRAIN_MAX: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serve: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(options));
    // A read that hangs (a network file system gone away) must not keep the process alive.
    runtime.shutdown_background();
    served
}

async fn serve(options: &Options) -> anyhow::Result<()> {
    let pool = options.pool()?;
    // All connections are in one account: its peak is exact, that of the pool itself is sampled.
    let clients = pool.child("clients", pool.budget());
    let root = Root::open(&options.root)?;
    let listener = listen(options.listen)?;
    let mut stop = StopSignal::new().context("cannot listen for Ctrl-C")?;
    announce(&listener)?;
    tokio::spawn(pool.maintain());

    let service = Arc::new(Service::new(root, clients.clone()));
    let graceful = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, &service, &clients, &graceful) => {}
        () = stop.recv() => {}
    }

    drop(listener); // from here on new clients are refused
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN_MAX) => eprintln!("serve: some clients did not finish within {DRAIN_MAX:?}"),
        () = stop.recv() => eprintln!("serve: stopped at once"),
    }
    eprintln!("serve: done; at most {} of {} bytes were leased at once", clients.peak(), pool.budget());
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit it. By itself the kernel takes up to 4 MiB of each slow client, and tells of progress only
        // when a third of that has been read: to the stall limit such a client looks asleep.
        socket.set_send_buffer_size(SEND_BUFFER_LEN)?;
        socket.bind(address)?;
        // `TcpListener::bind` would queue 128 clients at most, and many may come at once.
        socket.listen(4096)
    };
    open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is in use by another process; choose another port with --listen, or port 0 for any free one"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{address} may not be used; choose a port above 1023 with --listen")
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}; choose another with --listen")),
    })
}

/// One line on stdout, for people and for scripts that wait for it.
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush()).context("cannot write to stdout")
}

/// Accepts for ever. An error is a client that went away or a lack of file descriptors: neither is a reason to end.
async fn accept(listener: &TcpListener, service: &Arc<Service>, clients: &Pool, graceful: &GracefulShutdown) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let account = clients.child(format!("connection {peer}"), account_limit(clients.budget()));
                tokio::spawn(connection(socket, account, service.clone(), graceful.watcher()));
            }
            Err(error) => {
                eprintln!("serve: cannot accept a client: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// An eighth of the budget, so that no client can take all; at least what a file needs to flow: a block on its way out, one being
/// read, and a page.
fn account_limit(budget: usize) -> usize {
    (budget / 8).max((2 * 64 + 20) << 10)
}

async fn connection(socket: TcpStream, account: Pool, service: Arc<Service>, watcher: Watcher) {
    let _ = socket.set_nodelay(true); // only a matter of speed
    let answer = service_fn(|request| {
        let (service, account) = (service.clone(), account.clone());
        async move { Ok::<_, Infallible>(service.answer(&request, &account).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HYPER_BUF_MAX)
        .serve_connection(TokioIo::new(StallLimit::new(socket, STALL_MAX)), answer);
    if let Err(error) = watcher.watch(connection).await {
        // Clients come and go as they please; what concerns whoever runs the server is a body that failed.
        if error.is_user() {
            eprintln!("serve: {}: {:#}", account.name(), anyhow::Error::new(error));
        }
    }
}
