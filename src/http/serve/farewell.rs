//! `Farewell`: the last words on a connection, and its end in order.
//!
//! # Invariants
//! - LAST-WORDS: the transport is closed for writing behind the last words, and then read until the
//!   client closes too, in time. Bytes that nobody reads would make the system reset the
//!   connection, and the words would be lost.
//! - NO-LEASE: the words are static, and what is read is dropped from the stack: to tell of a lack
//!   of memory takes none.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::Protocol;
use crate::io::Tick;

/// How long a client may send nothing, and not close either (nginx's `lingering_timeout` is 5 s).
const SILENCE: Duration = Duration::from_secs(2);

/// How long it may go on sending (nginx's `lingering_time`).
const LINGER: Duration = Duration::from_secs(30);

/// So much is read, and dropped, at once; on the stack.
const DROPPED_LEN: usize = 4 << 10;

/// RFC 9110 §15.6.4.
const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 44\r\n\r\n\
    all memory is in use; try again in a moment\n";

/// No request of HTTP/2 can be answered before the handshake. RFC 9113 §3.4, §6.8: empty SETTINGS,
/// then GOAWAY: no stream was processed, and the client is to be calm (ENHANCE_YOUR_CALM), so that
/// it tries again later.
const BE_CALM: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b";

pub(super) struct Farewell<T> {
    io: T,
    words: &'static [u8],
    is_shut: bool,
    /// Past this it is over, whatever comes.
    end: Tick,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Farewell<T> {
    /// There is no room for a request: its client is told so.
    pub(super) fn refused(io: T, protocol: Protocol, now: Tick) -> Self {
        let words = match protocol {
            Protocol::Http1 => UNAVAILABLE,
            Protocol::Http2 => BE_CALM,
        };
        Self { io, words, is_shut: false, end: now.after(LINGER) }
    }

    /// All was said, and the client may still be sending.
    pub(super) fn said(io: T, now: Tick) -> Self {
        Self { io, words: &[], is_shut: false, end: now.after(LINGER) }
    }

    /// When the client must have read or sent something again.
    pub(super) fn deadline(&self, now: Tick) -> Tick {
        now.after(SILENCE).min(self.end)
    }

    /// Goes on; whether anything came or went.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, has_moved: &mut bool) -> Poll<()> {
        let _ = ready!(self.poll_end(cx, has_moved));
        Poll::Ready(())
    }

    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        has_moved: &mut bool,
    ) -> Poll<std::io::Result<()>> {
        while !self.words.is_empty() {
            let count = ready!(Pin::new(&mut self.io).poll_write(cx, self.words))?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            self.words = &self.words[count..];
            *has_moved = true;
        }
        if !self.is_shut {
            // Of TLS it flushes, too.
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        let mut dropped = [MaybeUninit::uninit(); DROPPED_LEN];
        let mut dropped = ReadBuf::uninit(&mut dropped);
        loop {
            // tokio's transports yield now and then.
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut dropped))?;
            if dropped.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            *has_moved = true;
            dropped.clear();
        }
    }
}
