//! Upgraded connections: back to the bare socket.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::tracked_io::TrackedIo;
use crate::io::AnyStream;

/// The transport of an upgraded connection that [`serve`](super::serve) accepted, and what the
/// client has sent on it already.
///
/// `T` is what the listener accepts, a `TcpStream` as a rule; a socket is found in the
/// [`AnyStream`] as such. hyper's own type is slower, and is no socket to the rest of this crate.
/// It knows its server: once the [`shutdown_timeout`](super::Serve::shutdown_timeout) of that is
/// over, reads and writes fail.
///
/// # Errors
/// Gives it back if the transport is of another type, or of another server.
pub fn into_socket<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    upgraded: Upgraded,
) -> Result<(AnyStream, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TrackedIo<T>>>()?;
    let (io, prefix) = parts.io.into_inner().into_socket();
    if prefix.is_empty() {
        return Ok((io, parts.read_buf));
    }
    // What hyper has read comes first.
    Ok((io, [parts.read_buf, prefix].concat().into()))
}
