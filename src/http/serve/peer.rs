//! `Peer`: what a connection keeps of its client while it lives.

use super::RemoteAddr;
use crate::sync::Mutex;

/// The client's address, and the service that was made for it, if one must be kept.
#[derive(Clone, Debug)]
pub(super) struct Peer(RemoteAddr);

/// A service that is kept, and the address beside it.
struct Kept<S> {
    addr: RemoteAddr,
    service: Mutex<S>,
}

impl Peer {
    /// Keeps the address only: the service is made when it is needed.
    pub(super) fn new(addr: RemoteAddr) -> Self {
        Self(addr)
    }

    /// Keeps a service, too.
    pub(super) fn with_service<S: Send + 'static>(addr: RemoteAddr, service: S) -> Self {
        Self(RemoteAddr::new(Kept { addr, service: Mutex::new(service) }))
    }

    pub(super) fn addr<S: Send + 'static>(&self) -> &RemoteAddr {
        self.0.get::<Kept<S>>().map_or(&self.0, |kept| &kept.addr)
    }

    pub(super) fn service<S: Clone + Send + 'static>(&self) -> Option<S> {
        self.0.get::<Kept<S>>().map(|kept| kept.service.lock().clone())
    }
}
