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

/// What a round took.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// From the first byte to the end of the stream, at the peers.
    pub(crate) time: Duration,
    /// The time that the relay's own thread was running.
    pub(crate) cpu: Duration,
}

/// Sends `len` bytes through a relay, one way or both ways at once.
pub(crate) fn round<F>(
    len: usize,
    both_ways: bool,
    join: impl FnOnce(TcpStream, TcpStream) -> F,
) -> anyhow::Result<Taken>
where
    F: Future<Output = io::Result<(u64, u64)>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pairs = Pairs::listen(&runtime)?;
    let (client, inbound) = pairs.pair()?;
    let (server, outbound) = pairs.pair()?;
    let backwards = if both_ways { len } else { 0 };
    let start = Instant::now();
    thread::scope(|scope| {
        let sent = scope.spawn(|| send(&client, len));
        let sent_back = scope.spawn(|| send(&server, backwards));
        let received = scope.spawn(|| receive(&server).map(|count| (count, start.elapsed())));
        let received_back = scope.spawn(|| receive(&client).map(|count| (count, start.elapsed())));
        let began = cpu_time()?;
        let moved = runtime.block_on(async { join(relayed(inbound)?, relayed(outbound)?).await })?;
        let cpu = cpu_time()? - began;
        assert_eq!(moved, (len as u64, backwards as u64));
        sent.join().expect("a sender does not panic")?;
        sent_back.join().expect("a sender does not panic")?;
        let (count, there) = received.join().expect("a receiver does not panic")?;
        let (count_back, back) = received_back.join().expect("a receiver does not panic")?;
        assert_eq!((count, count_back), (len, backwards));
        Ok(Taken { time: there.max(back), cpu })
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

fn receive(mut socket: &StdStream) -> io::Result<usize> {
    let mut bytes = vec![0; PEER_BUF_LEN];
    let mut total = 0;
    loop {
        match socket.read(&mut bytes)? {
            0 => return Ok(total),
            count => total += count,
        }
    }
}

/// How long this thread has been running.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat =
        std::fs::read_to_string("/proc/thread-self/schedstat").context("a thread's time is read from Linux's /proc")?;
    let nanos = stat.split_whitespace().next().context("schedstat has a first field")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}
