//! `IncomingStream`: a connection that was just accepted, as a make-service sees it.

use super::Listener;

/// A connection that was just accepted, as axum's type of the same name.
///
/// A type that tells handlers of axum about their connection implements
/// `axum::extract::connect_info::Connected` for it.
#[derive(Debug)]
pub struct IncomingStream<'a, L: Listener> {
    io: &'a L::Io,
    remote_addr: L::Addr,
}

impl<'a, L: Listener> IncomingStream<'a, L> {
    pub(super) fn new(io: &'a L::Io, remote_addr: L::Addr) -> Self {
        Self { io, remote_addr }
    }

    /// The transport.
    pub fn io(&self) -> &L::Io {
        self.io
    }

    /// The address of the client.
    pub fn remote_addr(&self) -> &L::Addr {
        &self.remote_addr
    }
}
