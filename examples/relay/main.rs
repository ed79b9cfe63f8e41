//! A TCP relay: bytes go from one address to another, and back, under one hard budget.
//!
//! ```text
//! cargo run --example relay -- --to example.com:80   # it listens on port 9000
//! curl -H 'host: example.com' http://127.0.0.1:9000/
//! ```
//!
//! An idle connection holds no block. A connection whose peer stops reading holds at most 256 KiB.
//! When the pool is short, new connections are refused.

mod options;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use leasehold::{
    Account, Pool,
    io::{Relay, limit_unsent},
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::ctrl_c,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::options::Options;

/// How much the kernel may take of each stream ahead of the network: no account sees that memory.
const UNSENT_MAX: u32 = 128 << 10;

/// How long the target may take to answer.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long running connections may go on after Ctrl-C.
const DRAIN_MAX: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let options = Arc::new(options);
    let pool =
        Pool::builder().budget(usize::try_from(options.budget.as_u64())?).name("relay").build();
    let pool = pool.with_context(|| {
        format!("--budget {} cannot be used; try --budget 64MiB", options.budget)
    })?;
    let connections = pool.account("connections", pool.budget()); // the peak of an account is exact
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| {
        format!(
            "cannot listen on {}; choose another port with --listen, or port 0 for any free one",
            options.listen
        )
    })?;
    let address = listener.local_addr()?;
    let targets = tokio::net::lookup_host(&options.to).await;
    let targets =
        targets.with_context(|| format!("--to {} is no address; write HOST:PORT", options.to))?;
    if targets.into_iter().any(|target| target == address) {
        bail!("--to {} is this relay itself; name the server that it is for", options.to);
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {address}, relaying to {}", options.to)
        .context("cannot write to stdout")?;
    tokio::spawn(pool.maintain());

    let (mut relays, cut) = (JoinSet::new(), CancellationToken::new());
    let mut stop = std::pin::pin!(ctrl_c());
    loop {
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("relay: cannot accept a connection: {error}");
                    // Perhaps file descriptors are short. Some will be closed.
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = relays.join_next() => continue,
            stopped = &mut stop => break stopped.context("cannot listen for Ctrl-C")?,
        };
        let pressure = pool.pressure();
        if pressure.is_high() {
            let (leased, budget) = (pressure.leased, pressure.budget);
            eprintln!(
                "relay: {peer}: refused, for {leased} of {budget} bytes are leased; give more with \
                 --budget"
            );
            continue;
        }
        let (options, connections, cut) = (options.clone(), connections.clone(), cut.clone());
        relays.spawn(async move {
            match connection(socket, &options, &connections, &cut).await {
                Ok(summary) => eprintln!("relay: {peer}: {summary}"),
                Err(error) => eprintln!("relay: {peer}: {error:#}"),
            }
        });
    }

    drop(listener); // from here on new connections are refused
    eprintln!("relay: stopping; {} still open, with {DRAIN_MAX:?} to end", relays.len());
    tokio::select! {
        () = drain(&mut relays) => {}
        () = sleep(DRAIN_MAX) => {}
        _ = ctrl_c() => {}
    }
    cut.cancel();
    let _ = timeout(Duration::from_millis(100), drain(&mut relays)).await; // the rest is dropped
    eprintln!(
        "relay: done; at most {} of {} bytes were leased at once",
        connections.peak(),
        pool.budget()
    );
    Ok(())
}

/// Runs one connection to its end, or until it is cut off; returns a summary.
async fn connection(
    inbound: TcpStream,
    options: &Options,
    pool: &Account,
    cut: &CancellationToken,
) -> anyhow::Result<String> {
    let to = &options.to;
    let outbound = timeout(CONNECT_MAX, TcpStream::connect(to)).await;
    let outbound = outbound.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let outbound = outbound
        .with_context(|| format!("cannot reach {to}; is it running, and is --to right?"))?;
    for socket in [&inbound, &outbound] {
        limit_unsent(socket, UNSENT_MAX)?;
        socket.set_nodelay(true)?;
    }
    // It opens an account of its own inside the pool.
    let mut relay = Relay::new(inbound, outbound, pool);
    if options.idle_timeout > 0 {
        relay = relay.idle_timeout(Duration::from_secs(options.idle_timeout));
    }
    if options.half_open_timeout > 0 {
        relay = relay.half_open_timeout(Duration::from_secs(options.half_open_timeout));
    }
    let end = tokio::select! {
        moved = &mut relay => {
            moved.map_or_else(|error| format!("failed: {error}"), |_| "ended".to_owned())
        }
        () = cut.cancelled() => "cut off".to_owned(),
    };
    Ok(format!("{end}, after {} bytes there and {} back", relay.a_to_b(), relay.b_to_a()))
}

async fn drain(relays: &mut JoinSet<()>) {
    while relays.join_next().await.is_some() {}
}
