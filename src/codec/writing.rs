//! `Writing`: the half of a framed transport that encodes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use tokio::io::AsyncWrite;

use super::Encoder;
use crate::{
    chain::{ChainLeaseFuture, ChainMut},
    io::poll_write_all_buf,
    pool::LeaseError,
};

/// When this many bytes are queued, a sink sends before it takes another item (tokio-util's
/// default).
const BOUNDARY: u32 = 8 << 10;

/// The room for items behind one that is not sent yet. Most items that queue up are small, and this
/// is the largest block that a frame of any length may keep.
const BATCH_ROOM: usize = 4 << 10;

/// The bytes that were encoded and not sent.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) chain: ChainMut,
    boundary: u32,
    lease: Option<Box<ChainLeaseFuture>>,
}

impl Writing {
    /// Goes on with bytes that were encoded before.
    pub(super) fn new(chain: ChainMut) -> Self {
        Self { chain, boundary: BOUNDARY, lease: None }
    }

    /// `u32::MAX` stands for any larger value, and means no boundary.
    pub(super) fn boundary(&self) -> usize {
        if self.boundary == u32::MAX { usize::MAX } else { self.boundary as usize }
    }

    pub(super) fn set_boundary(&mut self, bytes: usize) {
        self.boundary = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    /// Waits until the transport has taken enough, and until there is `head_room`.
    pub(super) fn poll_ready<T: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
        head_room: usize,
    ) -> Poll<io::Result<()>> {
        if self.chain.len() >= self.boundary() {
            ready!(self.poll_send(cx, io))?;
        } else if self.try_room(head_room).is_err() && !self.chain.is_empty() {
            // The bytes that are queued here may be the memory that is missing.
            ready!(self.poll_send(cx, io))?;
        }
        Poll::Ready(Ok(ready!(self.chain.poll_reserve(cx, &mut self.lease, head_room))?))
    }

    /// Makes this much room, or more if items queue up here, out of the memory that is free now.
    fn try_room(&mut self, head_room: usize) -> Result<(), LeaseError> {
        if self.chain.remaining_mut() >= head_room.max(1) {
            return Ok(());
        }
        if !self.chain.is_empty() && self.chain.try_reserve_untold(BATCH_ROOM).is_ok() {
            return Ok(());
        }
        self.chain.try_reserve_untold(head_room)
    }

    pub(super) fn start_send<I, E: Encoder<I>>(
        &mut self,
        item: I,
        codec: &mut E,
    ) -> Result<(), E::Error> {
        let encoded = codec.encode(item, &mut self.chain);
        if self.chain.is_empty() {
            // After an error, or if nothing was sent, no flush follows that would do this.
            self.chain.release_room();
        }
        encoded
    }

    /// A flush means that the item which waited for memory, if there was one, was given up.
    pub(super) fn poll_flush<T: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
    ) -> Poll<io::Result<()>> {
        self.lease = None;
        self.poll_send(cx, io)
    }

    fn poll_send<T: AsyncWrite>(
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
