//! Sockets one of whose directions fails: that direction tells it, and the other one goes on to its
//! own end.

mod reads;
mod sockets;
mod writes;

use crate::support::frame;
use crate::support::transport;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use leasehold::{
    Pool,
    ws::{Error, Message, Role},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ws_one_way::{
    frame::{Frame, wire},
    transport::Faulty,
};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

fn pool() -> Pool {
    Pool::new(16 << 20).unwrap()
}

/// What the peer says before it goes: a message, and why it goes.
fn last_words(role: Role) -> Vec<u8> {
    wire([Frame::binary("one"), Frame::close(1008, "quota")].map(|frame| frame.to(role)))
}

/// The kind of the transport's error.
fn kind(error: &Error) -> Option<io::ErrorKind> {
    std::error::Error::source(error)?.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// Asserts that this is `one` and then the close frame with `quota`.
fn assert_last_words(heard: &[Message]) {
    let [Message::Binary(one), Message::Close(Some(frame))] = heard else {
        panic!("heard {heard:?}")
    };
    assert_eq!(*one, *b"one");
    assert_eq!((frame.code.get(), &*frame.reason), (1008, "quota"));
}

/// A transport that gives out what has arrived, and takes `takes` bytes; every call after those
/// fails with `EPIPE`.
#[derive(Debug)]
struct Deaf {
    io: Faulty,
    takes: usize,
}

impl Deaf {
    fn new(io: Faulty) -> Self {
        Self { io, takes: 0 }
    }
}

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let offered = &buf[..buf.len().min(self.takes)];
        self.takes -= offered.len();
        Pin::new(&mut self.io).poll_write(cx, offered)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write(cx, bufs.iter().find(|buf| !buf.is_empty()).map_or(&[], |buf| buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
