//! `Direction`: one of the two directions of a relay.
//!
//! | state | what it waits for | then |
//! |---|---|---|
//! | `Copying`, `Unflushed` | bytes of the reader, the writer | at the reader's end `Ending`; if the reader fails `Stopping`; if the writer fails `Draining` |
//! | `Ending` | the writer's shutdown | `Over` |
//! | `Stopping` | the writer has sent what came before the failure | `Over` |
//! | `Draining` | the reader's end; its bytes are dropped | `Over` |
//!
//! # Invariants
//! - END-TOLD: the writer is shut down if the reader ended in order. After a failed read only a
//!   bare socket is shut down, because its end says only that nothing follows. A transport with an
//!   end of its own, as TLS has, must not say that the peer has heard everything.
//! - ARRIVED: a reader is given up only at its end, at its failure, or when its writer is gone and
//!   it has nothing to give.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{
    chain::ChainMut,
    io::{
        chain_reader::ChainReader, read::poll_read_piece, recognised::is_socket,
        write::poll_write_buf,
    },
    pool::Account,
};

/// Bytes that are dropped are read in pieces of this length, on the stack.
const DRAIN_LEN: usize = 16 << 10;

/// After this many pieces other tasks run first.
const DRAIN_CALLS_MAX: usize = 32;

/// One direction of a relay.
pub(super) struct Direction {
    pub(super) account: Account,
    chain: ChainMut,
    chain_reader: ChainReader,
    /// The number of bytes that the writer took, and when it took the last one.
    pub(super) written: u64,
    pub(super) moved: Instant,
    /// The number of bytes that were dropped since the other direction wrote its last byte.
    pub(super) drained: u64,
    pub(super) state: DirectionState,
    /// The writer takes no more bytes.
    pub(super) has_writer_failed: bool,
    /// The reader has failed together with the writer of the other direction. They are one
    /// connection, and it is gone.
    pub(super) is_reader_gone: bool,
    /// The reader had nothing to give at the last poll.
    has_looked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectionState {
    Copying,
    /// Copying, and the writer has bytes that may not have been flushed.
    Unflushed,
    /// The reader has ended, and the writer must be shut down.
    Ending,
    /// The reader has failed, and the writer may have bytes that were not flushed.
    Stopping,
    /// The writer has failed, and the reader goes on.
    Draining,
    Over,
}

impl Direction {
    pub(super) fn new(pool: &Account, limit: usize) -> Self {
        let account = pool.account("relay", limit);
        Self {
            chain: ChainMut::new(&account),
            account,
            chain_reader: ChainReader::new().max_read(limit),
            written: 0,
            moved: Instant::now(),
            drained: 0,
            state: DirectionState::Copying,
            has_writer_failed: false,
            is_reader_gone: false,
            has_looked: false,
        }
    }

    pub(super) fn is_copying(&self) -> bool {
        matches!(self.state, DirectionState::Copying | DirectionState::Unflushed)
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == DirectionState::Over
    }

    /// Ready when the direction is over, and once for each error before that. `is_writer_gone` says
    /// that the other direction has found this direction's writer gone.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        is_writer_gone: bool,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let written = self.written;
        let polled = self.poll_on(cx, reader, writer, is_writer_gone);
        if self.written > written {
            self.moved = Instant::now();
        }
        polled
    }

    fn poll_on<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        is_writer_gone: bool,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match self.state {
                DirectionState::Copying | DirectionState::Unflushed => {
                    if let Err(error) = ready!(self.poll_write(cx, writer)) {
                        return Poll::Ready(Err(self.fail_writer(error)));
                    }
                    match self.chain_reader.poll_read(cx, Pin::new(&mut *reader), &mut self.chain) {
                        Poll::Ready(Ok(0)) => self.state = DirectionState::Ending,
                        Poll::Ready(Ok(_)) => self.has_looked = false,
                        Poll::Ready(Err(error)) => {
                            self.is_reader_gone = is_gone(&error, is_socket(&*reader));
                            self.state = DirectionState::Stopping;
                            return Poll::Ready(Err(error));
                        }
                        Poll::Pending => {
                            if let Err(error) = ready!(self.poll_flush(cx, writer)) {
                                return Poll::Ready(Err(self.fail_writer(error)));
                            }
                            if !is_writer_gone || self.chain_reader.is_starved() {
                                return Poll::Pending;
                            }
                            if !std::mem::replace(&mut self.has_looked, true) {
                                // The reader may only have let other tasks run first (ARRIVED).
                                cx.waker().wake_by_ref();
                                return Poll::Pending;
                            }
                            self.drain();
                        }
                    }
                }
                DirectionState::Ending => return self.poll_last(cx, writer, true),
                DirectionState::Stopping => {
                    let is_told = is_socket(&*writer); // END-TOLD
                    return self.poll_last(cx, writer, is_told);
                }
                DirectionState::Draining => {
                    ready!(self.poll_drain(cx, reader));
                    self.state = DirectionState::Over;
                }
                DirectionState::Over => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes all that was read.
    fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.chain.has_remaining() {
            match ready!(poll_write_buf(Pin::new(&mut *writer), cx, &mut self.chain))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count as u64,
            }
            self.state = DirectionState::Unflushed;
        }
        Poll::Ready(Ok(()))
    }

    /// There is nothing more for now. Bytes that a transport keeps back are flushed.
    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.state == DirectionState::Unflushed {
            ready!(Pin::new(writer).poll_flush(cx))?;
            self.state = DirectionState::Copying;
        }
        Poll::Ready(Ok(()))
    }

    /// There is nothing more at all.
    fn poll_last<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
        is_told: bool,
    ) -> Poll<io::Result<()>> {
        let writer = Pin::new(writer);
        let last = ready!(if is_told { writer.poll_shutdown(cx) } else { writer.poll_flush(cx) });
        self.state = DirectionState::Over;
        self.has_writer_failed = last.is_err();
        Poll::Ready(last)
    }

    fn fail_writer(&mut self, error: io::Error) -> io::Error {
        self.has_writer_failed = true;
        self.drain();
        error
    }

    /// Begins to drop the bytes of the reader.
    fn drain(&mut self) {
        self.chain.advance(self.chain.remaining());
        self.chain.release_room();
        self.chain_reader.stop_waiting();
        self.state = if self.chain_reader.has_error() {
            DirectionState::Over
        } else {
            DirectionState::Draining
        };
    }

    /// Ready when the reader has no more bytes.
    fn poll_drain<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<()> {
        let mut room = [MaybeUninit::uninit(); DRAIN_LEN];
        for _ in 0..DRAIN_CALLS_MAX {
            let mut dropped = ReadBuf::uninit(&mut room);
            match ready!(poll_read_piece(Pin::new(&mut *reader), cx, &mut dropped)) {
                Ok(()) if dropped.filled().is_empty() => return Poll::Ready(()),
                Ok(()) => self.drained += dropped.filled().len() as u64,
                Err(_) => return Poll::Ready(()), // the direction has failed before
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Whether a connection whose read has failed takes no bytes either. A lack of memory is not a
/// failure of the connection.
fn is_gone(error: &io::Error, is_socket: bool) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    let is_reset =
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected);
    is_reset || (is_socket && error.raw_os_error().is_some())
}
