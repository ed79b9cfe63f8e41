//! A client that writes its bytes as the test says.

use std::{
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Connects and writes without letting any task of the runtime run; reads as tokio does.
pub(crate) struct Client {
    pub(crate) stream: tokio::net::TcpStream,
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

    /// Sends more than the kernel may take at once.
    pub(crate) async fn send_all(&mut self, bytes: impl AsRef<[u8]>) {
        // Whoever is refused early is reset, perhaps; what was answered tells.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads on, to the end or to a failure.
    pub(crate) async fn end_kind(&mut self) -> Result<(), ErrorKind> {
        let mut dropped = [0; 4096];
        let read = async {
            loop {
                match self.stream.read(&mut dropped).await {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) => return Err(error.kind()),
                }
            }
        };
        timeout(PATIENCE, read).await.expect("an end in time")
    }

    /// All that comes before the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut rest))
            .await
            .expect("an end in time")
            .expect("no failure");
        rest
    }
}

/// Waits until something is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "it does not come to be");
        sleep(Duration::from_millis(10)).await;
    }
}
