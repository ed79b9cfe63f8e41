//! `DeflateAgreement`: the compression that a handshake agreed on.

use std::{fmt, sync::Arc};

use super::shared::Shared;

/// The parameters of permessage-deflate that both ends of a connection agreed on, for
/// [`WebSocket::with_deflate`](crate::ws::WebSocket::with_deflate).
///
/// Costs a socket 24 bytes of heap.
///
/// # Examples
/// In [`Deflate::accept`](crate::ws::Deflate::accept).
#[derive(Clone)]
pub struct DeflateAgreement {
    pub(super) shared: Arc<Shared>,
    /// The largest window that this end may compress with; none if zlib has no window that the peer
    /// takes.
    pub(super) window_bits: Option<u8>,
}

impl fmt::Debug for DeflateAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflateAgreement")
            .field("window_bits", &self.window_bits)
            .finish_non_exhaustive()
    }
}
