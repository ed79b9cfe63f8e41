//! `Faulty`: a transport in memory that does as badly as `AsyncRead` and `AsyncWrite` allow.
//!
//! It gives out what it was made with and keeps what is written to it, so that a test can say at
//! the end that no byte was lost:
//!
//! ```ignore
//! let mut io = Faulty::new(incoming).cut(3).pending().failing_at(7);
//! // ... use it, or hand it over and take it back ...
//! assert_eq!(io.sent(), expected);
//! ```
//!
//! | | |
//! |---|---|
//! | [`cut`](Faulty::cut) | every read and write moves at most so many bytes |
//! | [`pending`](Faulty::pending) | every call answers `Pending` first, and wakes its task |
//! | [`vectored`](Faulty::vectored) | is vectored: a cut can end inside any slice |
//! | [`interrupted`](Faulty::interrupted) | every read and write fails so often with `Interrupted` first |
//! | [`failing_at`](Faulty::failing_at) | the nth call fails, and does nothing; those after it work again |
//! | [`taking`](Faulty::taking) | takes so many bytes, and no more (`Ok(0)`) |
//! | [`staying_open`](Faulty::staying_open) | after the last byte there is `Pending`, and no end |
//! | [`random`](Faulty::random) | cuts, `Pending` and whether it is vectored by the dice of a [`seed`] |
//!
//! To fail every call of an operation in turn, try `failing_at(n)` with n = 0, 1, 2… until
//! [`has_failed`](Faulty::has_failed) says that so many calls were not needed. A real transport
//! that failed once does so for good; this one goes on, and so shows what an error left behind.

// Not every test file needs all of it.
#![allow(dead_code)]

pub(crate) mod broken;
pub(crate) mod seed;
pub(crate) mod sockets;

#[allow(unused_imports, reason = "not every test file has dice")]
pub(crate) use self::seed::seed;

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// See the module.
#[derive(Debug)]
pub(crate) struct Faulty {
    incoming: Vec<u8>,
    /// How much of `incoming` was read.
    given: usize,
    sent: Vec<u8>,
    cut: usize,
    sent_max: usize,
    fails_at: Option<u64>,
    /// How often each read and write fails with `Interrupted`, and how often this one has.
    interruptions: usize,
    interrupted: usize,
    is_vectored: bool,
    is_open: bool,
    waits: Waits,
    /// The kinds of calls that have answered `Pending`, and go through next.
    waited: Vec<Call>,
    calls: u64,
    vectored_calls: u64,
    offered: Vec<usize>,
    reader: Option<Waker>,
    end: End,
}

/// When a call answers `Pending` first.
#[derive(Debug)]
enum Waits {
    Never,
    Always,
    /// Half of them; and half of the calls are cut.
    Random(SmallRng),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Read,
    Write,
    Flush,
    Shutdown,
}

/// What was asked for after the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Unflushed,
    Flushed,
    Shutdown,
}

impl Faulty {
    /// Gives `incoming` out and then ends; takes all that is written. Well-behaved until told
    /// otherwise.
    pub(crate) fn new(incoming: impl Into<Vec<u8>>) -> Self {
        Self {
            incoming: incoming.into(),
            given: 0,
            sent: Vec::new(),
            cut: usize::MAX,
            sent_max: usize::MAX,
            fails_at: None,
            interruptions: 0,
            interrupted: 0,
            is_vectored: false,
            is_open: false,
            waits: Waits::Never,
            waited: Vec::new(),
            calls: 0,
            vectored_calls: 0,
            offered: Vec::new(),
            reader: None,
            end: End::Flushed,
        }
    }

    /// Moves a random number of bytes each call, after `Pending` half of the time; is vectored or
    /// not.
    pub(crate) fn random(incoming: impl Into<Vec<u8>>, seed: u64) -> Self {
        let mut dice = SmallRng::seed_from_u64(seed);
        Self { is_vectored: dice.random(), waits: Waits::Random(dice), ..Self::new(incoming) }
    }

    pub(crate) fn cut(self, cut: usize) -> Self {
        assert!(cut > 0, "a cut of nothing is an end");
        Self { cut, ..self }
    }

    pub(crate) fn pending(self) -> Self {
        Self { waits: Waits::Always, ..self }
    }

    pub(crate) fn vectored(self) -> Self {
        Self { is_vectored: true, ..self }
    }

    pub(crate) fn interrupted(self, interruptions: usize) -> Self {
        Self { interruptions, ..self }
    }

    /// Calls of all kinds are counted from 0, and those not that are answered `Pending`.
    pub(crate) fn failing_at(self, call: u64) -> Self {
        Self { fails_at: Some(call), ..self }
    }

    pub(crate) fn taking(self, sent_max: usize) -> Self {
        Self { sent_max, ..self }
    }

    pub(crate) fn staying_open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// More bytes arrive.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// All that was written, in order.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// What of `incoming` was not read yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.incoming[self.given..]
    }

    /// What was asked for after the last write.
    pub(crate) fn end(&self) -> End {
        self.end
    }

    /// Whether the call that was to fail has come.
    pub(crate) fn has_failed(&self) -> bool {
        self.fails_at.is_some_and(|at| self.calls > at)
    }

    /// Calls that were answered, by an error too.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// How many of them were vectored writes.
    pub(crate) fn vectored_calls(&self) -> u64 {
        self.vectored_calls
    }

    /// How much room each read offered that was answered.
    pub(crate) fn offered(&self) -> &[usize] {
        &self.offered
    }

    /// Lets a call through: how many bytes it may move.
    fn poll_call(&mut self, kind: Call, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (waits, cut) = match &mut self.waits {
            Waits::Never => (false, self.cut),
            Waits::Always => (true, self.cut),
            Waits::Random(dice) => {
                let cut = if dice.random() { usize::MAX } else { 1 << dice.random_range(0..16) };
                (dice.random(), cut.min(self.cut))
            }
        };
        match self.waited.iter().position(|&waited| waited == kind) {
            Some(at) => drop(self.waited.swap_remove(at)),
            None if waits => {
                self.waited.push(kind);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => {}
        }
        if matches!(kind, Call::Read | Call::Write) {
            if self.interrupted < self.interruptions {
                self.interrupted += 1;
                return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
            }
            self.interrupted = 0;
        }
        let call = self.calls;
        self.calls += 1;
        if self.fails_at == Some(call) {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                format!("call {call} fails"),
            )));
        }
        Poll::Ready(Ok(cut))
    }

    fn take(&mut self, bytes: &[u8], cut: usize) -> usize {
        let count = bytes.len().min(cut).min(self.sent_max - self.sent.len());
        self.sent.extend_from_slice(&bytes[..count]);
        self.end = End::Unflushed;
        count
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_open && self.unread().is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let cut = ready!(self.poll_call(Call::Read, cx))?;
        self.offered.push(buf.remaining());
        let count = buf.remaining().min(cut).min(self.unread().len());
        buf.put_slice(&self.unread()[..count]);
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let cut = ready!(self.poll_call(Call::Write, cx))?;
        Poll::Ready(Ok(self.take(buf, cut)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.is_vectored {
            // As the default of the trait.
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| buf));
        }
        let cut = ready!(self.poll_call(Call::Write, cx))?;
        self.vectored_calls += 1;
        let mut count = 0;
        for buf in bufs {
            count += self.take(buf, cut - count);
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.is_vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_call(Call::Flush, cx))?;
        if self.end == End::Unflushed {
            self.end = End::Flushed;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_call(Call::Shutdown, cx))?;
        self.end = End::Shutdown;
        Poll::Ready(Ok(()))
    }
}

/// Polls a future once, then drops it: what a caller does who cancels.
pub(crate) async fn once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Bytes of which each differs from its neighbours, and a block from the next one.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}
