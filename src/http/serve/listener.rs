//! `Listener`: where connections come from.

use std::{future::Future, io, time::Duration};

#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// How long to wait after an error of the system: of a lack of file descriptors, say. Some will be closed.
const PAUSE: Duration = Duration::from_millis(100);

/// Where [`serve`](super::serve) takes connections from: as axum's trait of the same name.
///
/// A transport that is a bare socket of tokio is parked while it is idle; any other (TLS) works, and keeps hyper's buffers.
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Errors that can pass are for the listener to wait out.
    ///
    /// # Cancel safety
    /// Must be cancel safe: no connection is lost when the future is dropped.
    fn accept(&mut self) -> impl Future<Output = Self::Io> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    /// Sets TCP_NODELAY.
    async fn accept(&mut self) -> TcpStream {
        loop {
            match TcpListener::accept(self).await {
                Ok((stream, _)) => {
                    // A peer that is gone already is noticed soon enough.
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) => wait_out(&error).await,
            }
        }
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Io = UnixStream;

    async fn accept(&mut self) -> UnixStream {
        loop {
            match UnixListener::accept(self).await {
                Ok((stream, _)) => return stream,
                Err(error) => wait_out(&error).await,
            }
        }
    }
}

/// An error of one connection passes at once, one of the system after a while.
async fn wait_out(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        tokio::time::sleep(PAUSE).await;
    }
}
