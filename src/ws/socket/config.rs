//! `Config`: the limits and settings of sockets.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::keep_alive::KeepAlive;

/// Limits and settings of [`WebSocket`](crate::ws::WebSocket)s. Sockets share one `Config` in an
/// `Arc`.
///
/// The limits reserve nothing: memory grows with the bytes that arrive, and never with an announced
/// length. The limit of the socket's account holds beside these limits.
///
/// # Examples
/// ```
/// use std::{sync::Arc, time::Duration};
/// use leasehold::{Pool, ws::{Config, Role, WebSocket}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let config = Config::new().max_message_size(1 << 10).close_timeout(Duration::from_secs(1));
/// let config = Arc::new(config); // one for all sockets of a server
///
/// let (near, far) = tokio::io::duplex(8 << 10);
/// let mut server = WebSocket::with_config(near, Role::Server, &pool, Arc::clone(&config));
/// let mut client = WebSocket::new(far, Role::Client, &pool);
/// client.send("x".repeat(2 << 10)).await?;
/// assert!(server.recv().await.unwrap().unwrap_err().is_over_limit());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(in crate::ws) max_frame_size: usize,
    pub(in crate::ws) max_message_size: usize,
    pub(in crate::ws) max_fragments: u32,
    pub(in crate::ws) max_controls: u32,
    pub(in crate::ws) max_queued: usize,
    pub(in crate::ws) close_timeout: Duration,
    pub(in crate::ws) keep_alive: Option<KeepAlive>,
    #[cfg(feature = "axum")]
    pub(in crate::ws) max_leased: usize,
    #[cfg(feature = "deflate")]
    pub(in crate::ws) deflate: Option<crate::ws::Deflate>,
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            max_frame_size: 16 << 20,
            max_message_size: 64 << 20,
            max_fragments: 128 << 10,
            max_controls: 256,
            max_queued: 64 << 10,
            close_timeout: Duration::from_secs(10),
            keep_alive: None,
            #[cfg(feature = "axum")]
            max_leased: 4 << 20,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// The default settings, which all sockets without settings of their own share.
    pub(in crate::ws) fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
        Arc::clone(&SHARED)
    }

    /// Sets the longest payload of a received frame, in bytes; 16 MiB by default, as in
    /// tungstenite.
    #[must_use]
    pub fn max_frame_size(self, bytes: usize) -> Self {
        Self { max_frame_size: bytes, ..self }
    }

    /// Sets the longest received message, in bytes, after it is inflated; 64 MiB by default, as in
    /// tungstenite.
    #[must_use]
    pub fn max_message_size(self, bytes: usize) -> Self {
        Self { max_message_size: bytes, ..self }
    }

    /// Sets how many frames a received message may have; 131,072 by default: the Autobahn suite
    /// sends messages of 65,536 frames. Short fragments share blocks, so the length of a message
    /// bounds its memory, not the number of its frames.
    #[must_use]
    pub fn max_fragments(self, count: u32) -> Self {
        Self { max_fragments: count, ..self }
    }

    /// Sets how many control frames (pings, pongs) a peer may send in a second; 256 by default.
    #[must_use]
    pub fn max_controls(self, count: u32) -> Self {
        Self { max_controls: count, ..self }
    }

    /// Sets how many bytes may be queued before the sink must send; 64 KiB by default. Each message
    /// counts 64 bytes more than its payload.
    #[must_use]
    pub fn max_queued(self, bytes: usize) -> Self {
        Self { max_queued: bytes, ..self }
    }

    /// Sets how long the peer may take to read our close frame and to answer it, and how long a
    /// client waits for the server to close the connection; 10 s by default. The timeout works
    /// whichever half of a split socket is polled.
    #[must_use]
    pub fn close_timeout(self, timeout: Duration) -> Self {
        Self { close_timeout: timeout, ..self }
    }

    /// Pings silent peers, and gives up peers that stay silent. Off by default: then a lost peer is
    /// noticed by TCP after hours, or never.
    #[must_use]
    pub fn keep_alive(self, keep_alive: &KeepAlive) -> Self {
        Self { keep_alive: Some(keep_alive.clone()), ..self }
    }

    /// Sets the limit of a socket's account, in bytes, for sockets that [`axum`](crate::ws::axum)
    /// opens an account for; 4 MiB by default.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn max_leased(self, bytes: usize) -> Self {
        Self { max_leased: bytes, ..self }
    }

    /// Offers or accepts compressed messages (RFC 7692) in handshakes. Off by default.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(self, deflate: &crate::ws::Deflate) -> Self {
        Self { deflate: Some(deflate.clone()), ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
