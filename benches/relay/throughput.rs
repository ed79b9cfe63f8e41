//! How fast a relay moves bytes over loopback, and how much of a processor it takes.

use std::{
    future::Future,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream as StdStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::net::TcpStream;

use crate::idle::{Pairs, relayed};

/// What a client and a server write and read at once: large, so that the relay is the slower one.
const PEER_BUF_LEN: usize = 256 << 10;

/// A question, and an answer.
const MESSAGE_LEN: usize = 64;

/// What a round took.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// From the first byte to the end of both streams.
    pub(crate) time: Duration,
    /// The time that the relay's own thread was running.
    pub(crate) cpu: Duration,
}

/// What goes through a relay.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// So many bytes from the client to the server.
    OneWay(usize),
    /// So many bytes from each of them at once.
    BothWays(usize),
    /// So many small messages, each of which is answered before the next one.
    RoundTrips(usize),
}

impl Load {
    /// How long the client and the server take for it, and the relay that joins their sockets.
    pub(crate) fn run<F>(
        self,
        join: impl FnOnce(TcpStream, TcpStream) -> F,
    ) -> anyhow::Result<Taken>
    where
        F: Future<Output = io::Result<(u64, u64)>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let pairs = Pairs::listen(&runtime)?;
        let (client, inbound) = pairs.pair()?;
        let (server, outbound) = pairs.pair()?;
        let start = Instant::now();
        let peers = thread::spawn(move || match self {
            Self::OneWay(len) => stream(&client, &server, len, 0),
            Self::BothWays(len) => stream(&client, &server, len, len),
            Self::RoundTrips(count) => exchange(&client, &server, count),
        });
        let began = cpu_time()?;
        let moved =
            runtime.block_on(async { join(relayed(inbound)?, relayed(outbound)?).await })?;
        let cpu = cpu_time()? - began;
        let time = start.elapsed();
        let expected = peers.join().expect("the peers do not panic")?;
        assert_eq!(moved, expected);
        Ok(Taken { time, cpu })
    }
}

/// Both send so many bytes, and receive what the other one sends; returns both counts.
fn stream(
    client: &StdStream,
    server: &StdStream,
    there: usize,
    back: usize,
) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let sent = scope.spawn(|| send(client, there));
        let sent_back = scope.spawn(|| send(server, back));
        let received = scope.spawn(|| receive(server));
        let received_back = receive(client)?;
        sent.join().expect("a sender does not panic")?;
        sent_back.join().expect("a sender does not panic")?;
        Ok((received.join().expect("a receiver does not panic")?, received_back))
    })
}

/// The client asks, the server answers; returns how many bytes went there and back.
fn exchange(
    mut client: &StdStream,
    mut server: &StdStream,
    count: usize,
) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let answers = scope.spawn(move || {
            let mut message = [0; MESSAGE_LEN];
            for _ in 0..count {
                server.read_exact(&mut message)?;
                server.write_all(&message)?;
            }
            server.shutdown(Shutdown::Write)
        });
        let mut message = [7; MESSAGE_LEN];
        for _ in 0..count {
            client.write_all(&message)?;
            client.read_exact(&mut message)?;
        }
        client.shutdown(Shutdown::Write)?;
        answers.join().expect("the server does not panic")?;
        Ok(((count * MESSAGE_LEN) as u64, (count * MESSAGE_LEN) as u64))
    })
}

fn send(mut socket: &StdStream, len: usize) -> io::Result<()> {
    let bytes = vec![7; PEER_BUF_LEN];
    let mut left = len;
    while left > 0 {
        let count = left.min(bytes.len());
        socket.write_all(&bytes[..count])?;
        left -= count;
    }
    socket.shutdown(Shutdown::Write)
}

fn receive(mut socket: &StdStream) -> io::Result<u64> {
    let mut bytes = vec![0; PEER_BUF_LEN];
    let mut total = 0;
    loop {
        match socket.read(&mut bytes)? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}

/// How long this thread has been running.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")
        .context("a thread's time is read from Linux's /proc")?;
    let nanos = stat.split_whitespace().next().context("schedstat has a first field")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}
