//! `Config`: what is taken of a peer, and how much is queued for it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::keep_alive::KeepAlive;

/// Limits and settings of [`WebSocket`](crate::ws::WebSocket)s. Sockets share it: make one, and
/// clone it.
///
/// An announced length sizes nothing: memory grows with the bytes that arrive, whatever the limits;
/// they say when to stop. What a socket may have at all is for its account to say.
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

    /// The defaults, once for all sockets.
    pub(in crate::ws) fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
        Arc::clone(&SHARED)
    }

    /// The longest payload of a frame, in bytes; 16 MiB by default, as tungstenite's.
    #[must_use]
    pub fn max_frame_size(self, bytes: usize) -> Self {
        Self { max_frame_size: bytes, ..self }
    }

    /// The longest message, in bytes, inflated if it came compressed; 64 MiB by default, as
    /// tungstenite's.
    #[must_use]
    pub fn max_message_size(self, bytes: usize) -> Self {
        Self { max_message_size: bytes, ..self }
    }

    /// How many frames a message may have; 131,072 by default: the Autobahn suite sends messages of
    /// 65,536. Short ones share blocks, so that it is the length of a message that bounds its
    /// memory.
    #[must_use]
    pub fn max_fragments(self, count: u32) -> Self {
        Self { max_fragments: count, ..self }
    }

    /// How many control frames (pings, pongs) a peer may send in a second; 256 by default.
    #[must_use]
    pub fn max_controls(self, count: u32) -> Self {
        Self { max_controls: count, ..self }
    }

    /// While so many bytes are queued, 64 more counted for each message, the sink sends before it
    /// takes another one; 64 KiB by default.
    #[must_use]
    pub fn max_queued(self, bytes: usize) -> Self {
        Self { max_queued: bytes, ..self }
    }

    /// How long the peer may take to take our close frame and to answer it, and a client's server
    /// to close the connection after both; 10 s by default. Whichever half of a socket is polled
    /// keeps to it.
    #[must_use]
    pub fn close_timeout(self, timeout: Duration) -> Self {
        Self { close_timeout: timeout, ..self }
    }

    /// Pings peers that are silent, and gives up those that stay so; not by default: TCP by itself
    /// notices after hours, or never.
    #[must_use]
    pub fn keep_alive(self, keep_alive: &KeepAlive) -> Self {
        Self { keep_alive: Some(keep_alive.clone()), ..self }
    }

    /// What the account of a socket may hold, in bytes, where each gets one of its own: behind
    /// [`axum`](crate::ws::axum); 4 MiB by default.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn max_leased(self, bytes: usize) -> Self {
        Self { max_leased: bytes, ..self }
    }

    /// Offers or accepts compressed messages (RFC 7692) in handshakes; without it they are not.
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
