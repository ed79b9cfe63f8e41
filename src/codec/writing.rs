//! `Writing`: the half of a framed transport that encodes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::{Encoder, HEAD_ROOM};
use crate::{
    chain::{ChainLease, ChainMut},
    io::poll_write_all_buf,
};

/// From so many bytes on, a sink sends before it takes another item (tokio-util's default).
const BOUNDARY: u32 = 8 << 10;

/// Bytes that were encoded and not sent.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) chain: ChainMut,
    boundary: u32,
    lease: Option<Box<ChainLease>>,
}

impl Writing {
    /// Goes on with bytes that were encoded before.
    pub(super) fn new(chain: ChainMut) -> Self {
        Self { chain, boundary: BOUNDARY, lease: None }
    }

    pub(super) fn boundary(&self) -> usize {
        self.boundary as usize
    }

    pub(super) fn set_boundary(&mut self, bytes: usize) {
        self.boundary = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    /// Waits until the transport has taken enough, and until there is room for a head.
    pub(super) fn poll_ready<T: AsyncWrite>(&mut self, cx: &mut Context<'_>, io: Pin<&mut T>) -> Poll<io::Result<()>> {
        if self.chain.len() >= self.boundary() {
            ready!(self.poll_flush(cx, io))?;
        } else if self.chain.try_reserve(HEAD_ROOM).is_err() && !self.chain.is_empty() {
            // What is queued here may be just what is missing.
            ready!(self.poll_flush(cx, io))?;
        }
        Poll::Ready(Ok(ready!(self.chain.poll_reserve(cx, &mut self.lease, HEAD_ROOM))?))
    }

    pub(super) fn start_send<I, E: Encoder<I>>(&mut self, item: I, codec: &mut E) -> Result<(), E::Error> {
        codec.encode(item, &mut self.chain)
    }

    pub(super) fn poll_flush<T: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut T>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_write_all_buf(io.as_mut(), cx, &mut self.chain))?;
        self.chain.release_room();
        io.poll_flush(cx)
    }

    pub(super) fn poll_close<T: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut T>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx, io.as_mut()))?;
        io.poll_shutdown(cx)
    }
}
