//! Serves a directory over HTTP out of leased blocks, under one hard budget.
//!
//! ```text
//! cargo run --release --example serve
//! cargo run --release --example serve -- --root target/doc --listen 127.0.0.1:0 --budget 8MiB
//! cargo run --release --example serve -- --uploads /tmp
//! ```
//!
//! This is an ordinary axum application on [`leasehold::http::serve`]. The bytes of files on their
//! way live in blocks of a [`Pool`](leasehold::Pool), so the memory of all transfers together never
//! exceeds `--budget`. Each request for a file has an account with a limit of its own. An idle
//! connection has only its socket. The page at `/` shows the pool's figures as they change; `GET
//! /-/pool` has them as JSON, and `GET /metrics` for Prometheus. A WebSocket at `/feed` sends them
//! once a second, and one at `/ws` is an echo.
//!
//! `app` routes a request to its handler: `download`, `upload`, or one of the `panel`. `path`,
//! `name`, `files`, `ranges` and `listing` find what is asked for; `reply`, `body` and `disk` make
//! the answer. An `inbox` takes uploads, each a `part` until it is whole: `unnamed`, or under a
//! `temporary` name; they take `turns` at the disk. The `panel` shows `figures` to requests that
//! the `gate` admits: `page.html` under its `policy`, `status` as JSON, `scrape` and `tally` for
//! Prometheus, and the `feed` for pages of its own `origin`. The `sockets` of feed and `echo` end
//! with the server. `log` writes the log.

#![allow(
    unreachable_pub,
    reason = "nothing is reachable from outside of a program; `pub` says what a module offers"
)]

mod app;
mod body;
mod disk;
mod download;
mod echo;
mod feed;
mod figures;
mod files;
mod gate;
mod inbox;
mod lingering_body;
mod listing;
mod log;
mod name;
mod options;
mod origin;
mod panel;
mod part;
mod path;
mod policy;
mod ranges;
mod reply;
mod scrape;
mod sockets;
mod status;
mod stop;
mod tally;
mod temporary;
mod turns;
#[cfg(target_os = "linux")]
mod unnamed;
#[cfg(not(target_os = "linux"))]
#[path = "not_unnamed.rs"]
mod unnamed;
mod upload;
mod upload_error;

use std::{
    future::IntoFuture,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
};

use crate::{app::app, figures::Figures, files::Root, options::Options, stop::StopSignal};

/// Files are opened on tokio's threads for blocking calls. The default of 512 such threads would be
/// a memory cost of its own.
const BLOCKING_THREADS: usize = 16;

/// The longest head of a request. hyper's own limit is several times as large.
const HEAD_LEN_MAX: usize = 64 << 10;

/// How much the kernel may hold for each client. It reports progress in steps of a part of that.
/// With this size and the stall limit below, a client that reads a steady 10 KB/s is served to the
/// end.
const SEND_BUFFER_LEN: u32 = 128 << 10;

/// How long a client may stop reading or sending. It is less than the 30 s that others wait for
/// memory, so that the blocks of stalled clients come home before a download fails for lack of
/// memory.
const STALL_MAX: Duration = Duration::from_secs(20);

/// How long open requests may take to finish after Ctrl-C.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long tasks may take to end after they were cut off.
const END_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let options = Options::parse();
    log::start();
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
    // Uploads that are cut off are removed. A read that hangs (of a network file system that is
    // gone) must not keep the process alive.
    runtime.shutdown_timeout(END_MAX);
    served
}

async fn serve(options: &Options) -> anyhow::Result<()> {
    let pool = options.pool()?;
    // All connections are in one account: its peak is exact, and the peak of the pool is sampled.
    let clients = pool.account("clients", pool.budget());
    let root = Root::open(&options.root)?;
    let inbox = options.inbox()?;
    let deflate = options.deflate(&clients)?;
    let listener = listen(options.listen)?;
    let mut stop = StopSignal::new().context("cannot listen for Ctrl-C")?;
    let gate = options.gate(listener.local_addr()?);
    if gate.is_none() {
        eprintln!(
            "serve: other machines can reach this address, so there is no page, /-/pool or \
             /metrics; see --public"
        );
    }
    announce(&listener)?;
    tokio::spawn(pool.maintain());

    let figures = Arc::new(Figures::install(&pool, &clients)?);
    let (drain, draining) = oneshot::channel::<()>();
    let server =
        leasehold::http::serve(listener, app(root, inbox, &figures, gate, deflate.as_ref()));
    figures.watch(server.connections());
    let mut server = server
        .pool(&clients, clients.limit())
        .max_header_size(HEAD_LEN_MAX)
        .stall_timeout(STALL_MAX)
        // A stalled stream of HTTP/2 holds its blocks while other streams of the connection go on,
        // so the stall timeout of the socket would not see it.
        .http2(false)
        .with_graceful_shutdown(async { drop(draining.await) })
        .into_future();
    tokio::select! {
        ended = &mut server => drop(ended?),
        () = stop.recv() => {}
    }

    drop(drain); // from here on new clients are refused
    figures.sockets().stop();
    let ended = async {
        server.await?;
        figures.sockets().ended().await;
        io::Result::Ok(())
    };
    tokio::select! {
        ended = ended => ended?,
        () = tokio::time::sleep(DRAIN_MAX) => {
            eprintln!("serve: some clients did not finish within {DRAIN_MAX:?}")
        }
        () = stop.recv() => eprintln!("serve: stopped at once"),
    }
    eprintln!(
        "serve: done; at most {} of {} bytes were leased at once",
        clients.peak(),
        pool.budget()
    );
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit it. By default the kernel takes up to 4 MiB for a slow client,
        // and reports progress only when a third of that is read. To the stall limit such a client
        // would look stalled.
        socket.set_send_buffer_size(SEND_BUFFER_LEN)?;
        socket.bind(address)?;
        // `TcpListener::bind` would queue at most 128 clients, and many may come at once.
        socket.listen(4096)
    };
    open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is in use by another process; choose another port with --listen, or port 0 \
             for any free one"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{address} may not be used; choose a port above 1023 with --listen")
        }
        _ => anyhow::Error::new(error)
            .context(format!("cannot listen on {address}; choose another with --listen")),
    })
}

/// One line on stdout, for people and for scripts that wait for it.
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}
