//! `Transport`: what hyper reads and writes, watched.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::track::Track;

/// A transport with bytes in front that were read before.
#[derive(Debug)]
pub(super) struct Transport<T> {
    io: T,
    prefix: Bytes,
    track: Arc<Track>,
}

impl<T> Transport<T> {
    pub(super) fn new(io: T, prefix: Bytes, track: Arc<Track>) -> Self {
        Self { io, prefix, track }
    }

    /// The transport, and what is left of the bytes in front.
    pub(super) fn into_parts(self) -> (T, Bytes) {
        (self.io, self.prefix)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.has_remaining() {
            let count = buf.remaining().min(this.prefix.len());
            buf.put_slice(&this.prefix[..count]);
            this.prefix.advance(count);
            if this.prefix.is_empty() {
                // Even an empty one holds what it was cut from.
                this.prefix = Bytes::new();
            }
            this.track.note_read(count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Pending => {
                this.track.note_drained();
                Poll::Pending
            }
            ready => {
                this.track.note_read(buf.filled().len() - before);
                ready
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.track.note_written();
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.track.note_written();
        Pin::new(&mut this.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// SENT: hyper flushes only when it has nothing more to write itself, so this covers its own buffer too.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        this.track.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
