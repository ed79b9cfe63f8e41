//! A client of HTTP/1.1 that sends its bytes as the test says.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// A response: its status, its head as it came, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// The head of a request for `path`, whose body has `len` bytes.
pub(crate) fn head(path: &str, len: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {len}\r\n\r\n")
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (reader, writer) =
            TcpStream::connect(address).await.expect("a connection").into_split();
        Self { reader: BufReader::new(reader), writer }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// The next response.
    ///
    /// # Errors
    /// The connection ended before there was a whole one.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        timeout(PATIENCE, read_answer(&mut self.reader)).await.expect("an answer or an end in time")
    }

    /// Sends these bytes, as many as the server takes, and reads the response meanwhile.
    ///
    /// # Errors
    /// As for `answer`.
    pub(crate) async fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<Answer> {
        let (reader, writer) = (&mut self.reader, &mut self.writer);
        let send = async {
            // A server that refuses does not read on.
            let _ = writer.write_all(bytes.as_ref()).await;
            std::future::pending().await
        };
        let exchange = async {
            tokio::select! {
                answer = read_answer(reader) => answer,
                never = send => never,
            }
        };
        timeout(PATIENCE, exchange).await.expect("an answer or an end in time")
    }

    /// Reads so many bytes, whatever they are.
    pub(crate) async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.reader.read_exact(&mut bytes);
        timeout(PATIENCE, read).await.expect("bytes in time").expect("so many bytes");
        bytes
    }

    /// Reads whatever is left, to the end of the connection.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ =
            timeout(PATIENCE, self.reader.read_to_end(&mut bytes)).await.expect("an end in time");
        bytes
    }

    /// Sends no more.
    pub(crate) async fn finish(&mut self) {
        self.writer.shutdown().await.expect("a connection");
    }

    /// Closes the socket so that the server is reset.
    pub(crate) fn reset(self) {
        let stream = self.reader.into_inner().reunite(self.writer).expect("one socket");
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
}

async fn read_answer(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut answer = Answer { status, head, body: Vec::new() };
    let len = answer.header("content-length").map_or(0, |len| len.parse().expect("a length"));
    answer.body = vec![0; len];
    reader.read_exact(&mut answer.body).await?;
    Ok(answer)
}
