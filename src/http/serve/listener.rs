//! `Listener`: where connections come from.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use socket2::{SockAddr, SockRef, Socket};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream, unix};
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
/// use std::net::SocketAddr;
/// use leasehold::http::serve::Listener;
/// use socket2::SockRef;
/// use tokio::net::{TcpListener, TcpStream};
///
/// struct SmallBuffers(TcpListener);
///
/// impl Listener for SmallBuffers {
///     type Io = TcpStream;
///     type Addr = SocketAddr;
///
///     async fn accept(&mut self) -> (TcpStream, SocketAddr) {
///         // Waits out errors, and sets TCP_NODELAY.
///         let (stream, client) = Listener::accept(&mut self.0).await;
///         let _ = SockRef::from(&stream).set_send_buffer_size(64 << 10);
///         (stream, client)
///     }
///
///     fn local_addr(&self) -> std::io::Result<SocketAddr> {
///         self.0.local_addr()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a listener of `leasehold::http::serve`",
    label = "connections cannot be taken from this",
    note = "a listener of std becomes one of tokio: `listener.set_nonblocking(true)?`, then \
            `tokio::net::TcpListener::from_std(listener)?`",
    note = "what implements `axum::serve::Listener` is served through \
            `leasehold::http::serve::from_axum(listener)`"
)]
pub trait Listener: Send + 'static {
    /// The transport of a connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The address of a client, and of the listener itself.
    type Addr: Clone + Send + Sync + 'static;

    /// Waits for the next connection, and the address of its client. The listener itself waits out
    /// errors that pass.
    ///
    /// # Cancel safety
    /// Must be cancel safe: no connection is lost when the future is dropped.
    fn accept(&mut self) -> impl Future<Output = (Self::Io, Self::Addr)> + Send;

    /// Accepts a connection that has come already, if there is one. A server that stops does this
    /// before it closes its listener.
    ///
    /// By default this polls `accept` once. TCP and Unix listeners ask the system, so that they
    /// miss no connection.
    fn accept_ready(&mut self) -> Option<(Self::Io, Self::Addr)> {
        let accept = pin!(tokio::task::unconstrained(self.accept()));
        match accept.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(accepted) => Some(accepted),
            Poll::Pending => None,
        }
    }

    /// The address that the listener is bound to.
    ///
    /// # Errors
    /// The system does not tell it.
    fn local_addr(&self) -> io::Result<Self::Addr>;
}

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// Sets TCP_NODELAY.
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match TcpListener::accept(self).await {
                Ok((stream, client)) => {
                    // If the peer is gone already, the first read tells.
                    let _ = stream.set_nodelay(true);
                    return (stream, client);
                }
                Err(error) => wait_out(&error).await,
            }
        }
    }

    fn accept_ready(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let (socket, client) = accept_now(&SockRef::from(&*self))?;
        let stream = TcpStream::from_std(socket.into()).ok()?;
        let _ = stream.set_nodelay(true);
        Some((stream, client.as_socket()?))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    async fn accept(&mut self) -> (UnixStream, unix::SocketAddr) {
        loop {
            match UnixListener::accept(self).await {
                Ok(accepted) => return accepted,
                Err(error) => wait_out(&error).await,
            }
        }
    }

    fn accept_ready(&mut self) -> Option<(UnixStream, unix::SocketAddr)> {
        let (socket, _) = accept_now(&SockRef::from(&*self))?;
        let stream = UnixStream::from_std(socket.into()).ok()?;
        let client = stream.peer_addr().ok()?;
        Some((stream, client))
    }

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        UnixListener::local_addr(self)
    }
}

/// Accepts a connection that the system has, even if tokio has not noticed it yet.
fn accept_now(listener: &SockRef<'_>) -> Option<(Socket, SockAddr)> {
    loop {
        match listener.accept() {
            Ok((socket, client)) => {
                return socket.set_nonblocking(true).ok().map(|()| (socket, client));
            }
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
