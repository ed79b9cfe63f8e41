//! `Listener`: where connections come from.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use socket2::{SockRef, Socket};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// How long to wait after an error of the system, such as a lack of file descriptors. Some will be
/// closed meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// Where [`serve`](super::serve) takes connections from, as axum's trait of the same name.
///
/// A connection on a bare socket of tokio is parked while it is idle. Any other transport (TLS,
/// say) works, and keeps hyper's buffers.
///
/// # Examples
/// A listener that bounds the kernel's send buffer of each connection:
/// ```
/// use leasehold::http::serve::Listener;
/// use socket2::SockRef;
/// use tokio::net::{TcpListener, TcpStream};
///
/// struct SmallBuffers(TcpListener);
///
/// impl Listener for SmallBuffers {
///     type Io = TcpStream;
///
///     async fn accept(&mut self) -> TcpStream {
///         let stream = Listener::accept(&mut self.0).await; // waits out errors, sets TCP_NODELAY
///         let _ = SockRef::from(&stream).set_send_buffer_size(64 << 10);
///         stream
///     }
/// }
/// ```
pub trait Listener: Send + 'static {
    /// The transport of a connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. The listener itself waits out errors that pass.
    ///
    /// # Cancel safety
    /// Must be cancel safe: no connection is lost when the future is dropped.
    fn accept(&mut self) -> impl Future<Output = Self::Io> + Send;

    /// Accepts a connection that has come already, if there is one. A server that stops does this
    /// before it closes its listener.
    ///
    /// By default this polls `accept` once. TCP and Unix listeners ask the system, so that they
    /// miss no connection.
    fn accept_ready(&mut self) -> Option<Self::Io> {
        let accept = pin!(tokio::task::unconstrained(self.accept()));
        match accept.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(io) => Some(io),
            Poll::Pending => None,
        }
    }
}

impl Listener for TcpListener {
    type Io = TcpStream;

    /// Sets TCP_NODELAY.
    async fn accept(&mut self) -> TcpStream {
        loop {
            match TcpListener::accept(self).await {
                Ok((stream, _)) => {
                    // If the peer is gone already, the first read tells.
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) => wait_out(&error).await,
            }
        }
    }

    fn accept_ready(&mut self) -> Option<TcpStream> {
        let stream: std::net::TcpStream = accept_now(&SockRef::from(&*self))?.into();
        let stream = TcpStream::from_std(stream).ok()?;
        let _ = stream.set_nodelay(true);
        Some(stream)
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

    fn accept_ready(&mut self) -> Option<UnixStream> {
        let stream: std::os::unix::net::UnixStream = accept_now(&SockRef::from(&*self))?.into();
        UnixStream::from_std(stream).ok()
    }
}

/// Accepts a connection that the system has, even if tokio has not noticed it yet.
fn accept_now(listener: &SockRef<'_>) -> Option<Socket> {
    loop {
        match listener.accept() {
            Ok((socket, _)) => return socket.set_nonblocking(true).ok().map(|()| socket),
            Err(error) if is_passing(&error) => {}
            Err(_) => return None,
        }
    }
}

/// Waits after an error of the system; an error of one connection passes at once.
async fn wait_out(error: &io::Error) {
    if !is_passing(error) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the error is of one connection, and not of the system.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
