//! `Room`: whether a server may open one more connection.
//!
//! # Invariants
//! - MAX: no connection is waited for while `max_connections` are open, unless one of them is idle
//!   and may be closed for it. That is done when the new one has come. If none is idle any more,
//!   the next one that is idle is closed. So there is at most one more than the limit.

use std::{future::Future, pin::pin};

use super::{connections::Connections, settings::Settings};
use crate::io::ServerState;

#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    settings: &'a Settings,
    server: &'a ServerState,
    connections: &'a Connections,
}

impl<'a> Room<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        server: &'a ServerState,
        connections: &'a Connections,
    ) -> Self {
        Self { settings, server, connections }
    }

    /// Whether there is room for one more, without the end of another.
    pub(super) fn is_free(self) -> bool {
        self.count() < self.settings.max_connections
    }

    /// Waits for `accept` while there is room.
    pub(super) async fn ready_then<T>(self, accept: impl Future<Output = T>) -> T {
        self.ready().await;
        accept.await
    }

    /// Waits until there is room for one more, or an idle connection may be closed for it.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn ready(self) {
        loop {
            let mut ended = pin!(self.connections.ended());
            let mut untied = pin!(self.server.untied());
            ended.as_mut().enable();
            untied.as_mut().enable();
            if self.is_free() {
                self.connections.set_full(false);
                return;
            }
            if self.settings.evicts() {
                // Said before the timers are locked to look. Only a server that evicts says it:
                // from then on its connections do not linger.
                self.connections.set_full(true);
                if self.count() > self.settings.max_connections {
                    self.make();
                } else if self.server.timers.idle() > 0 {
                    return;
                }
                // Those that linger are parked now.
                self.server.timers.wake_early();
            }
            tokio::select! {
                () = ended => {}
                () = untied, if self.settings.count_upgraded => {}
            }
        }
    }

    /// Ends the connection that was idle for longest, if there is one too many.
    pub(super) fn make(self) {
        let excess = self.count().saturating_sub(self.settings.max_connections);
        if excess > 0 && self.settings.evicts() {
            self.server.timers.evict(excess);
        }
    }

    fn count(self) -> usize {
        let upgraded = if self.settings.count_upgraded { self.server.tied() } else { 0 };
        self.connections.open() + upgraded
    }
}
