//! `Tether`: what an upgraded socket keeps of the server that accepted it.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Context,
};

use super::{mark::Mark, server_state::ServerState};
use crate::{sync::AtomicU32, util::SlotId};

pub(crate) struct Tether {
    server: Arc<ServerState>,
    tie: SlotId,
    /// Of the waker that is kept ([`Mark`]).
    mark: AtomicU32,
}

impl Tether {
    pub(crate) fn new(server: &Arc<ServerState>) -> Self {
        Self {
            tie: server.tie(),
            server: Arc::clone(server),
            mark: AtomicU32::new(Mark::NONE.bits()),
        }
    }

    /// Whether the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.server.look().1
    }

    /// Fails once the server's time to stop is over.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.server.is_over() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server has stopped"));
        }
        Ok(())
    }

    /// The task waits for the socket (REACHED).
    pub(crate) fn wait(&self, cx: &Context<'_>) -> io::Result<()> {
        let mark = Mark::of(cx.waker()).bits();
        if self.mark.load(Relaxed) != mark {
            self.server.wait(self.tie, cx.waker());
            self.mark.store(mark, Relaxed);
        }
        self.check()
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.server.untie(self.tie);
    }
}
