//! Upgraded connections: back to the bare socket.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::transport::Transport;

/// The transport of an upgraded connection that [`serve`](super::serve) accepted, and what the client has sent on it already.
///
/// `T` is what the listener accepts, a `TcpStream` as a rule: hyper's own type is slower, and is no socket to the rest of this crate.
///
/// # Errors
/// Gives it back if the transport is of another type, or of another server.
pub fn into_socket<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    upgraded: Upgraded,
) -> Result<(T, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<Transport<T>>>()?;
    let (io, prefix) = parts.io.into_inner().into_parts();
    if prefix.is_empty() {
        return Ok((io, parts.read_buf));
    }
    // What hyper has read comes first.
    Ok((io, [parts.read_buf, prefix].concat().into()))
}
