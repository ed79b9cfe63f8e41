//! A client that writes its bytes as the test says.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, time::timeout};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Connects and writes without letting any task of the runtime run; reads as tokio does.
pub(crate) struct Client {
    stream: tokio::net::TcpStream,
    blocking: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let blocking = TcpStream::connect(address).expect("the server listens");
        blocking.set_nodelay(true).expect("an option");
        let stream = blocking.try_clone().expect("a handle");
        stream.set_nonblocking(true).expect("an option");
        Self { stream: tokio::net::TcpStream::from_std(stream).expect("a stream"), blocking }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.blocking.write_all(bytes.as_ref()).expect("the server reads");
    }

    pub(crate) fn try_send(&mut self, bytes: &str) -> std::io::Result<()> {
        self.blocking.write_all(bytes.as_bytes())
    }

    /// The next response: its head, and a body of the length that it says; or what came before the
    /// end, and why it ended.
    pub(crate) async fn answer(&mut self) -> String {
        timeout(PATIENCE, self.read_answer()).await.unwrap_or_else(|_| "nothing in time".to_owned())
    }

    async fn read_answer(&mut self) -> String {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= len.map_or(0, |len| len.parse().expect("a length")) {
                    return text;
                }
            }
            match self.stream.read_u8().await {
                Ok(byte) => answer.push(byte),
                Err(error) => return format!("{text}|{:?}", error.kind()),
            }
        }
    }

    /// Reads to the end, and how long that took; what comes before it is dropped.
    pub(crate) async fn end(&mut self) -> Duration {
        let since = Instant::now();
        let mut dropped = [0; 4096];
        let read = async { while matches!(self.stream.read(&mut dropped).await, Ok(1..)) {} };
        timeout(PATIENCE, read).await.expect("an end in time");
        since.elapsed()
    }
}

/// How many of these answers are whole, with this body.
pub(crate) fn count(answers: &[String], body: &str) -> usize {
    answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(body))
        .count()
}
