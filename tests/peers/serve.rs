//! axum's `serve`, as this crate's.

use axum::serve::Listener;
use leasehold::http::serve::Serve;

/// A listener of axum's, as one of this crate's.
pub struct AxumListener<L>(L);

impl<L: Listener> leasehold::http::serve::Listener for AxumListener<L> {
    type Io = L::Io;

    async fn accept(&mut self) -> L::Io {
        self.0.accept().await.0
    }
}

pub fn serve<L: Listener, S>(listener: L, service: S) -> Serve<AxumListener<L>, S> {
    leasehold::http::serve(AxumListener(listener), service)
}
