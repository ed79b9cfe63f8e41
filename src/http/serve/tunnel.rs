//! `Tunnel`: a stream of HTTP/2 that carries another protocol (RFC 9113 §8.5, RFC 8441).
//!
//! # Invariants
//! - TUNNEL: a connection with an open tunnel is busy. hyper does not say when a tunnel ends. But
//!   hyper runs a task for what the tunnel sends, and that task counts as a response in flight
//!   ([`StreamExecutor`](super::StreamExecutor)). A [`TunnelIo`] of this server counts too, until
//!   it is dropped.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop::poll_proceed,
};

use super::{
    connection_state::{ConnectionState, InFlight},
    stream_room::StreamRoom,
};
use crate::io::AnyStream;

/// The longest write into a tunnel, in bytes. hyper copies each write, and keeps up to three of
/// them while the peer's window is closed. It is also the shortest `SETTINGS_MAX_FRAME_SIZE` (RFC
/// 9113 §6.5.2), so that a write is one frame.
const MAX_WRITE: usize = 16 << 10;

/// What a CONNECT on HTTP/2 has as an extension: the connection that its tunnel will be a part of.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    state: Arc<ConnectionState>,
    /// Kept until the transport is dropped.
    room: Option<Arc<StreamRoom>>,
}

impl Tunnel {
    pub(super) fn new(state: &Arc<ConnectionState>, room: Option<Arc<StreamRoom>>) -> Self {
        Self { state: Arc::clone(state), room }
    }

    /// The transport of the tunnel: it ends with its server, and keeps the connection busy. Without
    /// a `Tunnel`, the stream is of another server.
    pub(crate) fn stream(tunnel: Option<Self>, upgraded: Upgraded) -> AnyStream {
        let io = TokioIo::new(upgraded);
        match tunnel {
            None => AnyStream::new(TunnelIo { io, _in_flight: None, _room: None }),
            Some(Self { state, room }) => {
                let in_flight = Some(state.begin_task());
                let io = TunnelIo { io, _in_flight: in_flight, _room: room };
                AnyStream::new(io).tethered(state.tether())
            }
        }
    }
}

/// hyper's end of a tunnel, with short writes. A task that always finds it ready yields now and
/// then, as with tokio's transports: hyper's own end does not see to that.
struct TunnelIo {
    io: TokioIo<Upgraded>,
    /// TUNNEL
    _in_flight: Option<InFlight>,
    _room: Option<Arc<StreamRoom>>,
}

impl AsyncRead for TunnelIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(poll_proceed(cx));
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if polled.is_ready() {
            coop.made_progress();
        }
        polled
    }
}

impl AsyncWrite for TunnelIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(poll_proceed(cx));
        let polled = Pin::new(&mut self.io).poll_write(cx, &buf[..buf.len().min(MAX_WRITE)]);
        if polled.is_ready() {
            coop.made_progress();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Ends the stream (END_STREAM) behind all that was written, and waits until hyper has given
    /// all of it to h2.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
