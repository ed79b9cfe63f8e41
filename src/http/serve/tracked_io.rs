//! `TrackedIo`: the transport, watched while hyper reads and writes it.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection_state::ConnectionState;
use crate::io::{
    AnyStream, Tether, poll_again, poll_read_piece, poll_write_slices, recv_now, recv_room,
};

/// How many bytes may have come before the server stopped, on a transport that is no socket.
const CLAIM_LEN: usize = 64 << 10;

/// A transport, and bytes of it that were read before hyper had it.
pub(super) struct TrackedIo<T> {
    io: T,
    prefix: Bytes,
    /// How many of the next bytes may have come before the server stopped (CLAIM); `None` until it
    /// stops.
    claim: Option<usize>,
    /// The error of a read that also brought bytes, which are given out first.
    error: Option<io::Error>,
    state: Arc<ConnectionState>,
    /// Set once the connection may be upgraded.
    tether: Option<Tether>,
}

impl<T> TrackedIo<T> {
    pub(super) fn new(io: T, prefix: Bytes, state: Arc<ConnectionState>) -> Self {
        Self { io, prefix, claim: None, error: None, state, tether: None }
    }

    fn take_prefix(&mut self, buf: &mut ReadBuf<'_>) {
        let count = buf.remaining().min(self.prefix.len());
        buf.put_slice(&self.prefix[..count]);
        self.prefix.advance(count);
        if self.prefix.is_empty() {
            // Even an empty `Bytes` keeps its buffer alive.
            self.prefix = Bytes::new();
        }
    }

    /// Notes after a write whether the transport took bytes.
    fn note_progress(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.state.note_stuck(),
            Poll::Ready(_) => self.state.note_unstuck(),
        }
    }

    /// Notes before a write that bytes are unsent, and ties an upgraded transport to its server.
    fn note_written(&mut self) {
        self.state.note_written();
        if self.state.is_upgrading() && self.tether.is_none() {
            self.tether = Some(self.state.tether());
        }
    }

    /// Lets the server reach a task that waits for an upgraded transport; fails once the server has
    /// cut it.
    #[cold]
    fn reach(&self, cx: &Context<'_>, is_pending: bool) -> io::Result<()> {
        match &self.tether {
            Some(tether) if is_pending => tether.wait(cx),
            Some(tether) => tether.check(),
            None => Ok(()),
        }
    }

    /// The transport, and the bytes in front that are left.
    pub(super) fn into_parts(self) -> (T, Bytes) {
        (self.io, self.prefix)
    }

    /// As `into_parts`, for an upgraded connection.
    pub(super) fn into_socket(self) -> (AnyStream, Bytes)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = AnyStream::new(self.io);
        let io = match self.tether {
            Some(tether) => io.tethered(tether),
            None => io,
        };
        (io, self.prefix)
    }
}

impl<T: AsyncRead + Unpin> TrackedIo<T> {
    /// The server stops: counts the bytes of a read that came before that, or notes that there are
    /// no more (CLAIM).
    #[cold]
    fn claim(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        before: usize,
        mut polled: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let is_first = self.claim.is_none();
        let claim = self.claim.get_or_insert_with(|| recv_room(&self.io).unwrap_or(CLAIM_LEN));
        if polled.is_pending() && buf.filled().len() == before {
            match recv_now(&self.io, buf) {
                Some(Ok(_)) => polled = Poll::Ready(Ok(())),
                Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    polled = Poll::Ready(Err(error))
                }
                Some(Err(_)) => self.state.note_no_claims(),
                // What is no socket is asked again, once its driver was.
                None if is_first => {
                    let _ = pin!(tokio::task::yield_now()).poll(cx);
                }
                None => self.state.note_no_claims(),
            }
        }
        let count = buf.filled().len() - before;
        *claim = claim.saturating_sub(count);
        if *claim == 0 {
            self.state.note_no_claims();
        }
        polled
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TrackedIo<T> {
    /// Reads the transport behind the bytes in front, in the same call. Bytes that are left in a
    /// socket when it is closed make the system reset the connection, and the answer to a broken
    /// head could be lost.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        this.state.note_room(buf.remaining());
        if !this.prefix.is_empty() {
            this.take_prefix(buf);
        }
        let mut polled = if buf.remaining() > 0 {
            poll_read_piece(Pin::new(&mut this.io), cx, buf)
        } else {
            Poll::Ready(Ok(()))
        };
        if this.state.is_claiming() {
            polled = this.claim(cx, buf, before, polled);
        }
        let count = buf.filled().len() - before;
        match polled {
            Poll::Pending if count == 0 => {
                this.state.note_drained();
                if this.tether.is_some() {
                    this.reach(cx, true)?;
                }
                return Poll::Pending;
            }
            Poll::Ready(Err(error)) if count == 0 => return Poll::Ready(Err(error)),
            // Told with the next read: a socket tells its error once.
            Poll::Ready(Err(error)) => this.error = Some(error),
            _ => {}
        }
        this.state.note_read(count);
        if this.tether.is_some() {
            this.reach(cx, false)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TrackedIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.note_written();
        let polled = poll_again(cx, |cx| Pin::new(&mut this.io).poll_write(cx, buf));
        this.note_progress(&polled);
        if this.tether.is_some() {
            this.reach(cx, polled.is_pending())?;
        }
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.note_written();
        let polled = poll_write_slices(Pin::new(&mut this.io), cx, bufs);
        this.note_progress(&polled);
        if this.tether.is_some() {
            this.reach(cx, polled.is_pending())?;
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// SENT: hyper flushes only when its own buffer is empty, so this covers that buffer too.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        this.state.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
