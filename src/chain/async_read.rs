//! Chains as tokio's `AsyncRead` and `AsyncBufRead`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::Chain;

impl AsyncRead for Chain {
    /// Copies bytes out and gives them up; reads nothing at the end. Always ready, never fails.
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.has_remaining() && buf.remaining() > 0 {
            let chunk = (*self).chunk();
            let count = chunk.len().min(buf.remaining());
            buf.put_slice(&chunk[..count]);
            self.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Chain {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(Ok(self.into_ref().get_ref().chunk()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.advance(count);
    }
}
