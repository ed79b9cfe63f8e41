//! `StreamRoom`: the memory that hyper and h2 may hold for one stream of HTTP/2.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Request, header::HeaderMap};
use http_body::Body;

use super::http2_room::Http2Room;
use crate::pool::{LeaseError, Reservation};

/// What h2, hyper and this server keep for a stream while it is served, in bytes, beside its head
/// and its place in h2's list. Measured as `SLOT_LEN`.
const STREAM_LEN: usize = 2 << 10;

/// What each header takes beside its bytes (RFC 9113 §6.5.2).
const HEADER_LEN: usize = 32;

/// What hyper and h2 keep of a tunnel's writes: three of 16 KiB with hyper, and as much as the send
/// buffer of a stream with h2.
const TUNNEL_LEN: usize = 64 << 10;

/// Lives as long as the response of the stream, or a part of it that is unsent.
#[derive(Debug)]
pub(super) struct StreamRoom {
    connection: Arc<Http2Room>,
    /// Whether this is a tunnel, which may be read from (UNREAD).
    is_tunnel: bool,
    /// For the head of the request, and what is kept of a stream.
    _reserved: Reservation,
}

impl StreamRoom {
    /// Reserves the room of a stream, and the window of the connection if the request may be read
    /// from. The end of its body gives the window back ([`Http2Room::end_unread`]), or the drop of
    /// a tunnel.
    pub(super) fn try_new<B: Body>(
        connection: &Arc<Http2Room>,
        request: &Request<B>,
        is_tunnel: bool,
    ) -> Result<Self, LeaseError> {
        let head_len = request.uri().path().len() + headers_len(request.headers());
        let tunnel_len = if is_tunnel { TUNNEL_LEN } else { 0 };
        let reserved = connection.account().try_reserve(STREAM_LEN + head_len + tunnel_len)?;
        connection.begin_stream()?;
        // From here on its drop ends the stream.
        let connection = Arc::clone(connection);
        let mut stream = Self { connection, is_tunnel: false, _reserved: reserved };
        if is_tunnel || !request.body().is_end_stream() {
            stream.connection.begin_unread()?;
            stream.is_tunnel = is_tunnel;
        }
        Ok(stream)
    }

    /// Is ready when hyper may have more of the response (UNSENT).
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.connection.poll_room(cx)
    }

    /// hyper gets `len` bytes of the response.
    pub(super) fn add(&self, len: usize) {
        self.connection.add(len);
    }

    /// The transport has taken some of them, or they are dropped.
    pub(super) fn remove(&self, len: usize) {
        self.connection.remove(len);
    }
}

impl Drop for StreamRoom {
    fn drop(&mut self) {
        if self.is_tunnel {
            self.connection.end_unread();
        }
        self.connection.end_stream();
    }
}

fn headers_len(headers: &HeaderMap) -> usize {
    let lens = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_LEN);
    lens.sum()
}
