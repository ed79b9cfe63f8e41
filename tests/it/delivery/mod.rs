//! What `send`, `flush`, `close` and a drop deliver, over TCP: each cell of the table in
//! docs/guarantees.md.
//!
//! The peer begins to read when the verb is under way, so that more is queued than sockets take.

mod framed;
mod hub;
mod member;
mod outbox;
mod web_socket;

use crate::support::frame;
use crate::support::transport;

use std::{future::Future, time::Duration};

use bytes::Bytes;
use leasehold::{Chain, Pool};
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinHandle, time::timeout};

use crate::delivery::frame::Frame;

/// More than the two sockets of a connection take.
const LARGE: usize = 8 << 20;

fn pool() -> Pool {
    Pool::new(64 << 20).unwrap()
}

/// A connection: our end, and the peer's.
async fn pair() -> (TcpStream, TcpStream) {
    let (near, far) = transport::sockets::tcp_pair().await;
    (near, far)
}

fn large() -> Chain {
    Bytes::from(vec![b'l'; LARGE]).into()
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("it ends")
}

/// The peer reads all that comes, and says nothing.
fn reading(mut far: TcpStream) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut read = Vec::new();
        // A reset is an end, too.
        let _ = far.read_to_end(&mut read).await;
        read
    })
}

/// The peer reads so many bytes, and no more until it is dropped.
async fn read_exactly(far: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut read = vec![0; len];
    soon(far.read_exact(&mut read)).await.expect("so many bytes");
    read
}

/// The peer of a WebSocket: reads frames, answers a close frame, and waits for the end. What it has
/// read.
fn hearing(mut far: TcpStream) -> JoinHandle<Vec<Frame>> {
    tokio::spawn(async move {
        let (mut read, mut frames) = (Vec::new(), Vec::new());
        loop {
            while let Some((frame, len)) = Frame::parse(&read) {
                read.drain(..len);
                if frame.opcode() == frame::CLOSE {
                    let answer = Frame::close(frame.close_code().unwrap(), "").masked().to_bytes();
                    tokio::io::AsyncWriteExt::write_all(&mut far, &answer).await.unwrap();
                }
                frames.push(frame);
            }
            if far.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return frames;
            }
        }
    })
}

/// What frames are, in short: lengths of messages, and codes of close frames.
fn short(frames: &[Frame]) -> Vec<(u8, usize)> {
    let what = |frame: &Frame| frame.close_code().map_or(frame.payload.len(), usize::from);
    frames.iter().map(|frame| (frame.opcode(), what(frame))).collect()
}
