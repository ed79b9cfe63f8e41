//! `Wire`: a transport whose every answer the test decides.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use tokio::io::AsyncWrite;

/// Takes what it has room for; clones are one wire.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) written: Vec<u8>,
    /// How many slices each writing call had.
    pub(crate) slices: Vec<usize>,
    /// How many bytes it takes until it is given more room.
    pub(crate) room: usize,
    pub(crate) call_max: usize,
    /// All calls that are answered, flushes and shutdowns too.
    pub(crate) calls: usize,
    pub(crate) fail_at: Option<usize>,
    pub(crate) is_vectored: bool,
    pub(crate) flushes: usize,
    pub(crate) is_flush_stuck: bool,
    pub(crate) is_shut: bool,
    waker: Option<Waker>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            written: Vec::new(),
            slices: Vec::new(),
            room: usize::MAX,
            call_max: usize::MAX,
            calls: 0,
            fail_at: None,
            is_vectored: true,
            flushes: 0,
            is_flush_stuck: false,
            is_shut: false,
            waker: None,
        })))
    }

    /// A wire that takes so much, and then waits.
    pub(crate) fn with_room(room: usize) -> Self {
        let wire = Self::new();
        wire.lock().room = room;
        wire
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The peer has read so much.
    pub(crate) fn give(&self, room: usize) {
        let waker = {
            let mut state = self.lock();
            state.room += room;
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn unstick_flush(&self) {
        self.lock().is_flush_stuck = false;
        self.give(0);
    }
}

impl State {
    fn answer(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.fail_at == Some(self.calls) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the wire was cut"));
        }
        Ok(())
    }

    fn take(&mut self, cx: &mut Context<'_>, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.room == 0 {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.answer()?;
        self.slices.push(slices.len());
        let mut left = self.room.min(self.call_max);
        let before = self.written.len();
        for slice in slices {
            let count = slice.len().min(left);
            self.written.extend_from_slice(&slice[..count]);
            left -= count;
        }
        let count = self.written.len() - before;
        if self.room != usize::MAX {
            self.room -= count;
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().take(cx, &[buf])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices: Vec<&[u8]> = bufs.iter().map(|buf| &**buf).collect();
        self.lock().take(cx, &slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().is_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if state.is_flush_stuck {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.answer()?;
        state.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.answer()?;
        state.is_shut = true;
        Poll::Ready(Ok(()))
    }
}
