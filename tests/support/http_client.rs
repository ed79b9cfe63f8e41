//! A client that writes its bytes as the test says.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{sleep, timeout},
};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Client<T>(pub(crate) T);

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// Sends the bytes one by one; whether all could be sent.
    pub(crate) async fn drip(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> bool {
        for byte in bytes.as_ref() {
            if self.0.write_all(&[*byte]).await.is_err() {
                return false;
            }
            sleep(pause).await;
        }
        true
    }

    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")).await;
        self.answer().await
    }

    /// The next response: its head, and a body of the length that it says.
    pub(crate) async fn answer(&mut self) -> String {
        timeout(PATIENCE, self.read_answer()).await.expect("an answer in time")
    }

    async fn read_answer(&mut self) -> String {
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            answer.push(self.0.read_u8().await.expect("an answer").into());
        }
        let len = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; len.map_or(0, |len| len.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("a body");
        answer + &String::from_utf8(body).expect("text")
    }

    /// Reads to the end, and how long that took; what comes before it is dropped.
    pub(crate) async fn end(&mut self) -> Duration {
        let since = Instant::now();
        let mut dropped = [0; 4096];
        // A reset is an end too: bytes that nobody has read make it one.
        while timeout(PATIENCE, self.0.read(&mut dropped))
            .await
            .expect("an end in time")
            .is_ok_and(|count| count > 0)
        {}
        since.elapsed()
    }

    /// Whether nothing comes for so long, and no end either.
    pub(crate) async fn is_quiet(&mut self, long: Duration) -> bool {
        timeout(long, self.0.read_u8()).await.is_err()
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{place}: it does not come to be");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
