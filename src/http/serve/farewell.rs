//! `Farewell`: the last answer on a connection, and its orderly end.
//!
//! # Invariants
//! - LAST-WORDS: the transport is closed for writing behind the last answer, and then read until
//!   the client closes too, within a deadline. Unread bytes would make the system reset the
//!   connection, and the answer would be lost.
//! - NO-LEASE: the answer is static, and the client's bytes are read onto the stack and dropped. To
//!   report a lack of memory takes no memory.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{BoxError, head::Protocol};
use crate::{
    io::{poll_again, poll_read_piece},
    util::Millis,
};

/// How long a client may send nothing, and not close either (nginx's `lingering_timeout` is 5 s).
const SILENCE: Duration = Duration::from_secs(2);

/// How long a client may go on sending (nginx's `lingering_time`).
const LINGER: Duration = Duration::from_secs(30);

/// How much is read and dropped at once, on the stack.
const DROPPED_LEN: usize = 4 << 10;

/// RFC 9110 §15.6.4.
const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 54\r\n\r\n\
    no room for another connection; try again in a moment\n";

/// HTTP/2 has no answer to a request before the handshake. So RFC 9113 §3.4, §6.8: empty SETTINGS,
/// then a GOAWAY with ENHANCE_YOUR_CALM, which says that no stream was processed. The client may
/// try again later.
const BE_CALM: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b";

pub(super) struct Farewell<T> {
    io: T,
    words: &'static [u8],
    is_shut: bool,
    /// The latest end, whatever the client sends.
    end: Millis,
    /// How the connection has ended.
    outcome: Result<(), BoxError>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Farewell<T> {
    /// Tells a client that there is no room for its request.
    pub(super) fn refused(io: T, protocol: Protocol, now: Millis) -> Self {
        let words = match protocol {
            Protocol::Http1 => UNAVAILABLE,
            Protocol::Http2 => BE_CALM,
        };
        let outcome = Err("the pool has no room for another connection".into());
        Self { io, words, is_shut: false, end: now.deadline_after(LINGER), outcome }
    }

    /// For a connection whose answer is written, while the client may still be sending.
    pub(super) fn said(io: T, outcome: Result<(), BoxError>, now: Millis) -> Self {
        Self { io, words: &[], is_shut: false, end: now.deadline_after(LINGER), outcome }
    }

    pub(super) fn into_outcome(self) -> Result<(), BoxError> {
        self.outcome
    }

    /// The time by which the client must have read or sent something again.
    pub(super) fn deadline(&self, now: Millis) -> Millis {
        now.deadline_after(SILENCE).min(self.end)
    }

    /// Goes on. Sets `has_moved` if bytes were written or read.
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
            let written = poll_again(cx, |cx| Pin::new(&mut self.io).poll_write(cx, self.words));
            let count = ready!(written)?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            self.words = &self.words[count..];
            *has_moved = true;
        }
        if !self.is_shut {
            // With TLS, this also flushes.
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        let mut dropped = [MaybeUninit::uninit(); DROPPED_LEN];
        let mut dropped = ReadBuf::uninit(&mut dropped);
        loop {
            // This cannot spin for ever: tokio's transports yield now and then.
            ready!(poll_read_piece(Pin::new(&mut self.io), cx, &mut dropped))?;
            if dropped.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            *has_moved = true;
            dropped.clear();
        }
    }
}
