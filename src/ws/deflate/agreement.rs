//! `DeflateAgreement`: what a handshake came to.

use std::{fmt, sync::Arc};

use super::shared::Shared;

/// permessage-deflate as both ends of a connection agreed on it: for
/// [`WebSocket::with_deflate`](crate::ws::WebSocket::with_deflate).
///
/// Costs a socket 24 bytes of heap.
#[derive(Clone)]
pub struct DeflateAgreement {
    pub(super) shared: Arc<Shared>,
    /// The largest window that we may compress with; none if the peer takes only one that zlib has
    /// not.
    pub(super) window_bits: Option<u8>,
}

impl fmt::Debug for DeflateAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflateAgreement")
            .field("window_bits", &self.window_bits)
            .finish_non_exhaustive()
    }
}
