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

/// How long to wait after an error of the system: of a lack of file descriptors, say. Some will be
/// closed.
const PAUSE: Duration = Duration::from_millis(100);

/// Where [`serve`](super::serve) takes connections from: as axum's trait of the same name.
///
/// A transport that is a bare socket of tokio is parked while it is idle; any other (TLS) works,
/// and keeps hyper's buffers.
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Errors that can pass are for the listener to wait out.
    ///
    /// # Cancel safety
    /// Must be cancel safe: no connection is lost when the future is dropped.
    fn accept(&mut self) -> impl Future<Output = Self::Io> + Send;

    /// A connection that has come already, if there is one: what a server that stops accepts before
    /// it closes its listener.
    ///
    /// By default `accept` is polled once. That of a TCP or Unix listener asks the system, so that
    /// it misses none.
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
                    // A peer that is gone already is noticed soon enough.
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

/// Accepts a connection that the system has, whether or not tokio has noticed it.
fn accept_now(listener: &SockRef<'_>) -> Option<Socket> {
    loop {
        match listener.accept() {
            Ok((socket, _)) => return socket.set_nonblocking(true).ok().map(|()| socket),
            Err(error) if is_passing(&error) => {}
            Err(_) => return None,
        }
    }
}

/// An error of one connection passes at once, one of the system after a while.
async fn wait_out(error: &io::Error) {
    if !is_passing(error) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it is of one connection.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
