//! Upgraded connections: back to the bare socket.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::tracked_io::TrackedIo;
use crate::io::AnyStream;

/// Takes the transport out of an upgraded connection of [`serve`](super::serve), with the bytes
/// that the client has sent on it already.
///
/// `T` is the transport of the listener, such as a `TcpStream`. A TCP socket in an [`AnyStream`] is
/// still read and written as a bare socket; hyper's own `Upgraded` is slower. The transport ends
/// with its server: once the [`shutdown_timeout`](super::Serve::shutdown_timeout) is over, reads
/// and writes fail.
///
/// # Errors
/// Gives `upgraded` back if the transport is of another type or of another server, or if it is a
/// stream of HTTP/2.
///
/// # Examples
/// ```no_run
/// use hyper::{Request, upgrade};
/// use leasehold::http::serve::{RequestBody, into_socket};
/// use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};
///
/// /// Echoes on the connection of `request`, once the client has its 101.
/// async fn echo(mut request: Request<RequestBody>) -> Result<(), Box<dyn std::error::Error>> {
///     let upgraded = upgrade::on(&mut request).await?;
///     let (mut socket, early) = into_socket::<TcpStream>(upgraded).map_err(|_| "not TCP")?;
///     socket.write_all(&early).await?;
///     let mut buffer = [0; 1024];
///     loop {
///         match socket.read(&mut buffer).await? {
///             0 => return Ok(()),
///             count => socket.write_all(&buffer[..count]).await?,
///         }
///     }
/// }
/// ```
pub fn into_socket<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    upgraded: Upgraded,
) -> Result<(AnyStream, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TrackedIo<T>>>()?;
    let (io, prefix) = parts.io.into_inner().into_socket();
    if prefix.is_empty() {
        return Ok((io, parts.read_buf));
    }
    // The bytes that hyper has read come first.
    Ok((io, [parts.read_buf, prefix].concat().into()))
}
