//! `Tether`: what an upgraded socket keeps of the server that accepted it.
//!
//! # Invariants
//! - REACHED: while a task waits for a tethered socket, the server has its waker: it is woken when
//!   the server stops, and when the time to stop is over. The waker is kept before the task looks
//!   whether that is so, and the server says so before it looks for wakers.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Context,
};

use super::{mark::Mark, sleepers::Sleepers, ties::Tie};
use crate::sync::AtomicU32;

pub(crate) struct Tether {
    sleepers: Arc<Sleepers>,
    tie: Tie,
    /// Of the waker that is kept ([`Mark`]).
    mark: AtomicU32,
}

impl Tether {
    pub(crate) fn new(sleepers: &Arc<Sleepers>) -> Self {
        Self {
            tie: sleepers.ties.join(),
            sleepers: Arc::clone(sleepers),
            mark: AtomicU32::new(Mark::NONE.bits()),
        }
    }

    /// Whether the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.sleepers.look().1
    }

    /// Fails once the server's time to stop is over.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.sleepers.is_over() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server has stopped"));
        }
        Ok(())
    }

    /// The task waits for the socket (REACHED).
    pub(crate) fn wait(&self, cx: &Context<'_>) -> io::Result<()> {
        let mark = Mark::of(cx.waker()).bits();
        if self.mark.load(Relaxed) != mark {
            self.sleepers.ties.wait(self.tie, cx.waker());
            self.mark.store(mark, Relaxed);
        }
        self.check()
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.sleepers.ties.leave(self.tie);
    }
}
