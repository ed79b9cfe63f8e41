//! `Tether`: what an upgraded socket keeps of the server that accepted it.
//!
//! # Invariants
//! - REACHED: while a task waits for a tethered socket, it stands in the server's list of sleepers: it is woken when the server stops, and when
//!   its time to stop is over. It enters the list before it looks whether that is so.
//! - MARK: the list keeps the waker that was entered last, so that no other task can have its address meanwhile. A waker is entered again when
//!   the address differs; two that are a multiple of 32 GiB apart are taken for one.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Waker},
};

use super::{
    clock::Tick,
    sleepers::{Sleepers, Slot},
};
use crate::sync::AtomicU32;

pub(crate) struct Tether {
    sleepers: Arc<Sleepers>,
    slot: Slot,
    /// Of the waker in the list; 0 for none (MARK).
    mark: AtomicU32,
}

impl Tether {
    pub(crate) fn new(sleepers: &Arc<Sleepers>) -> Self {
        Self { slot: sleepers.tie(), sleepers: Arc::clone(sleepers), mark: AtomicU32::new(0) }
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
        let mark = mark(cx.waker());
        if self.mark.load(Relaxed) != mark {
            self.sleepers.sleep(self.slot, cx, Tick::NEVER, false);
            self.mark.store(mark, Relaxed);
        }
        self.check()
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.sleepers.untie(self.slot);
    }
}

fn mark(waker: &Waker) -> u32 {
    (waker.data().addr() >> 3) as u32 | 1
}
