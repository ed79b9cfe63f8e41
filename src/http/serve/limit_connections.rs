//! `LimitConnections`: a listener whose connections are bounded in number.

use std::{fmt, io, sync::Arc};

use tokio::sync::Semaphore;

use super::Listener;
use crate::io::AnyStream;

/// The listener of [`ListenerExt::limit_connections`](super::ListenerExt::limit_connections).
///
/// # Examples
/// There.
pub struct LimitConnections<L> {
    listener: L,
    permits: Arc<Semaphore>,
}

impl<L> LimitConnections<L> {
    pub(super) fn new(listener: L, count: usize) -> Self {
        let permits = Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, permits }
    }
}

impl<L: Listener> Listener for LimitConnections<L> {
    type Io = AnyStream;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (AnyStream, L::Addr) {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (io, client) = self.listener.accept().await;
        (AnyStream::new(io).guarded(permit), client)
    }

    fn accept_ready(&mut self) -> Option<(AnyStream, L::Addr)> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let (io, client) = self.listener.accept_ready()?;
        Some((AnyStream::new(io).guarded(permit), client))
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

impl<L: fmt::Debug> fmt::Debug for LimitConnections<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitConnections")
            .field("listener", &self.listener)
            .field("free", &self.permits.available_permits())
            .finish()
    }
}
