//! `Wire`: a transport that does as its plan says. `transport::Faulty` counts its own calls, and
//! has no peer; here the calls of all transports of an operation are counted together, and its peer
//! is another end.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::plan::Plan;

/// See the module.
#[derive(Debug)]
pub(crate) struct Wire<T> {
    io: T,
    plan: Arc<Plan>,
    read: usize,
    written: usize,
    /// Whether something was written that was not flushed. A flush of nothing is ready at once:
    /// with one that is not, hyper flushes for ever.
    is_unflushed: bool,
    /// The kinds of calls that have answered `Pending`, and go through next.
    waited: [bool; 4],
}

#[derive(Clone, Copy)]
enum Call {
    Read,
    Write,
    Flush,
    Shutdown,
}

impl<T> Wire<T> {
    pub(crate) fn new(io: T, plan: &Arc<Plan>) -> Self {
        Self {
            io,
            plan: Arc::clone(plan),
            read: 0,
            written: 0,
            is_unflushed: false,
            waited: [false; 4],
        }
    }

    fn poll_call(&mut self, call: Call, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waited = &mut self.waited[call as usize];
        let may_wait = self.plan.is_pending && (self.is_unflushed || !matches!(call, Call::Flush));
        if may_wait && !std::mem::replace(waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !matches!(call, Call::Read) {
            self.plan.write_call()?;
        }
        Poll::Ready(self.plan.call())
    }

    /// The call has been answered.
    fn end(&mut self, call: Call) {
        self.waited[call as usize] = false;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_call(Call::Read, cx))?;
        let allowed = self.plan.allowed(self.read);
        let mut room = vec![0; buf.remaining().min(allowed)];
        let mut part = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        self.read += part.filled().len();
        self.plan.note_reached(self.read);
        self.end(Call::Read);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_call(Call::Write, cx))?;
        let allowed = self.plan.allowed(self.written);
        let taken = if self.plan.is_vectored { usize::MAX } else { 1 };
        let offered = bufs
            .iter()
            .filter(|buf| !buf.is_empty())
            .take(taken)
            .flat_map(|buf| buf.iter().copied());
        let offered: Vec<u8> = offered.take(allowed).collect();
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, &offered))?;
        self.written += count;
        self.is_unflushed = true;
        self.plan.note_reached(self.written);
        self.end(Call::Write);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.plan.is_vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_call(Call::Flush, cx))?;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.is_unflushed = false;
        self.end(Call::Flush);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_call(Call::Shutdown, cx))?;
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        self.end(Call::Shutdown);
        Poll::Ready(Ok(()))
    }
}
