//! `Shutdown`: how a graceful stop went.

/// How the graceful shutdown of a server went; [`serve`](super::serve) returns it.
///
/// # Examples
/// ```
/// use axum::Router;
/// use leasehold::http::serve;
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let shutdown = serve(listener, Router::new()).with_graceful_shutdown(async {}).await?;
/// assert_eq!(shutdown.cut(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    cut: usize,
}

impl Shutdown {
    pub(super) fn new(cut: usize) -> Self {
        Self { cut }
    }

    /// How many connections and upgraded sockets were cut because
    /// [`shutdown_timeout`](super::Serve::shutdown_timeout) was over; 0 if all ended by themselves.
    pub fn cut(&self) -> usize {
        self.cut
    }
}
