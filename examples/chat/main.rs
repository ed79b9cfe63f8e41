//! A chat of lines, for netcat. Each line is in memory once, and a client that does not read slows
//! no other one down.
//!
//! ```text
//! cargo run --example chat
//! nc 127.0.0.1 7000   # from two terminals; /pool says what is leased
//! ```
//!
//! A line is written into leased memory once, as a chain. The [`Outbox`](leasehold::io::Outbox) of
//! each client gets a clone of that chain, which is a count and no copy. The memory goes home when
//! the last client has been sent it.
//!
//! The lines that are kept for a client that stops reading are bounded: then it loses its oldest
//! lines ([`Policy::DropOldest`](leasehold::io::Policy)). All clients that are behind keep the same
//! last lines, so ten thousand of them hold no more memory than one.

mod client;
mod hall;
mod lines;

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use bytesize::ByteSize;
use clap::Parser;
use leasehold::Pool;
use tokio::{net::TcpListener, signal::ctrl_c, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{client::client, hall::Hall};

/// A chat of lines, out of leased blocks, under one hard budget. Connect with netcat.
#[derive(Debug, Parser)]
#[command(name = "chat")]
struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    /// The memory of all clients together, such as 16MiB; at least 1MiB.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    budget: ByteSize,
}

fn size(text: &str) -> Result<ByteSize, &'static str> {
    text.parse().map_err(|_| "write a number and a unit, such as 16MiB")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let pool =
        Pool::builder().budget(usize::try_from(options.budget.as_u64())?).name("chat").build();
    let pool = pool.with_context(|| {
        format!("--budget {} cannot be used; try --budget 16MiB", options.budget)
    })?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; choose another port with --listen, or port 0 for any free one",
            options.listen
        )
    })?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?)
        .context("cannot write to stdout")?;
    tokio::spawn(pool.maintain());

    let hall = Arc::new(Hall::new(&pool));
    let (mut clients, stop) = (JoinSet::new(), CancellationToken::new());
    let mut interrupted = std::pin::pin!(ctrl_c());
    let mut last_number = 0;
    let stopped = loop {
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("chat: cannot accept a client: {error}");
                    // Perhaps file descriptors are short. Some will be closed.
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = clients.join_next() => continue,
            stopped = &mut interrupted => break stopped,
        };
        last_number += 1;
        let (hall, stop, number) = (Arc::clone(&hall), stop.clone(), last_number);
        clients.spawn(async move {
            if let Err(error) = client(&hall, number, socket, &stop).await {
                eprintln!("chat: {peer}: {error:#}");
            }
        });
    };

    drop(listener); // from here on new clients are refused
    hall.tell_all(None, "* the chat is closing\n").await;
    stop.cancel();
    while clients.join_next().await.is_some() {}
    eprintln!(
        "chat: done; at most {} of {} bytes were leased at once",
        hall.memory.peak(),
        pool.budget()
    );
    stopped.context("cannot listen for Ctrl-C")
}
