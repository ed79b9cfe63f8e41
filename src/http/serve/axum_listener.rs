//! `AxumListener`: a listener that was written for axum's trait.

use std::io;

use super::Listener;

/// A listener for [`serve`](super::serve), made by [`from_axum`].
///
/// # Examples
/// At [`from_axum`].
#[derive(Debug)]
pub struct AxumListener<L>(L);

/// Takes connections from a listener that was written for `axum::serve::Listener`.
///
/// # Examples
/// ```no_run
/// use axum::{Router, serve::ListenerExt};
/// use leasehold::http::{serve, serve::from_axum};
///
/// # async fn run() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true))); // axum's own
/// serve(from_axum(listener), Router::new()).await?;
/// # Ok(()) }
/// ```
pub fn from_axum<L>(listener: L) -> AxumListener<L>
where
    L: axum::serve::Listener<Addr: Clone + Sync + 'static>,
{
    AxumListener(listener)
}

impl<L> Listener for AxumListener<L>
where
    L: axum::serve::Listener<Addr: Clone + Sync + 'static>,
{
    type Io = L::Io;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (L::Io, L::Addr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.0.local_addr()
    }
}
