//! `AnyStream`: one type for sockets and all other transports.

use std::{
    any::Any,
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{socket::Socket, tether::Tether};

/// A bare socket, or any other transport in a box.
///
/// It is for code that needs one type for several kinds of connections: TCP, TLS, an HTTP upgrade.
/// A socket is kept as a socket, so that the rest of this crate reads and writes it as one ([the
/// module](super)), with the same system calls. A `Box<dyn AsyncRead>` would hide it. An
/// `AnyStream` is two words larger than a `TcpStream`.
///
/// A stream that a server of this crate has upgraded
/// ([`into_socket`](crate::http::serve::into_socket)) ends with that server: when its
/// [`shutdown_timeout`](crate::http::serve::Serve::shutdown_timeout) is over, reads and writes fail
/// with `ConnectionAborted`.
///
/// # Examples
/// ```
/// use leasehold::io::AnyStream;
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let socket = TcpStream::connect(listener.local_addr()?).await?;
/// let (pipe, _) = tokio::io::duplex(1 << 10);
///
/// let streams = [AnyStream::new(socket), AnyStream::new(pipe)];
/// assert!(streams[0].as_tcp().is_some() && streams[1].as_tcp().is_none());
/// # Ok(())
/// # }
/// ```
pub struct AnyStream {
    kind: Kind,
    /// Set if it was upgraded by a server of this crate.
    tether: Option<Tether>,
}

enum Kind {
    Tcp(TcpStream),
    /// Boxed, because two sockets side by side would make the type larger than either.
    #[cfg(unix)]
    Unix(Box<UnixStream>),
    Other(Box<dyn ReadWrite>),
    Guarded(Box<Guarded>),
}

/// A stream, and what is kept until it is closed.
struct Guarded {
    kind: Kind,
    /// Dropped after the stream.
    _guard: Box<dyn Send>,
}

/// The methods of a boxed transport.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for T {}

impl AnyStream {
    /// Makes one of a transport of any type. A socket is recognised by its type.
    pub fn new<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        match unwrap::<T, TcpStream>(io) {
            Ok(tcp) => tcp.into(),
            Err(io) => unwrap::<T, Self>(io).unwrap_or_else(Self::new_but_tcp),
        }
    }

    #[cfg(unix)]
    fn new_but_tcp<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        match unwrap::<T, UnixStream>(io) {
            Ok(unix) => unix.into(),
            Err(io) => Self::of(Kind::Other(Box::new(io))),
        }
    }

    #[cfg(not(unix))]
    fn new_but_tcp<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        Self::of(Kind::Other(Box::new(io)))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, tether: None }
    }

    /// Ends the stream with the server that accepted it.
    pub(crate) fn tethered(self, tether: Tether) -> Self {
        Self { tether: Some(tether), ..self }
    }

    /// Keeps `guard` until the stream is closed, and drops it then.
    pub(crate) fn guarded(self, guard: impl Send + 'static) -> Self {
        let guarded = Guarded { kind: self.kind, _guard: Box::new(guard) };
        Self { kind: Kind::Guarded(Box::new(guarded)), tether: self.tether }
    }

    /// Whether the server that accepted it is stopping.
    pub(crate) fn is_leaving(&self) -> bool {
        self.tether.as_ref().is_some_and(Tether::is_stopping)
    }

    /// Registers a task that waits with the server, and fails when the server has stopped. A socket
    /// is shut down then, so that a task that waits for its other direction is woken too.
    #[inline]
    pub(super) fn reach<R>(
        &self,
        cx: &Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let Some(tether) = &self.tether else { return polled };
        let reached = if polled.is_pending() { tether.wait(cx) } else { tether.check() };
        match reached {
            Ok(()) => polled,
            Err(error) => {
                self.socket().into_iter().for_each(Socket::shut_down);
                Poll::Ready(Err(error))
            }
        }
    }

    /// The TCP socket, if it is one. Use it for addresses and options.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match self.socket() {
            Some(Socket::Tcp(tcp)) => Some(tcp),
            _ => None,
        }
    }

    pub(super) fn socket(&self) -> Option<Socket<'_>> {
        self.kind.socket()
    }

    fn io(&self) -> &dyn ReadWrite {
        self.kind.io()
    }

    fn io_mut(self: Pin<&mut Self>) -> Pin<&mut dyn ReadWrite> {
        Pin::new(self.get_mut().kind.io_mut())
    }
}

impl Kind {
    fn socket(&self) -> Option<Socket<'_>> {
        match self {
            Self::Tcp(tcp) => Some(Socket::Tcp(tcp)),
            #[cfg(unix)]
            Self::Unix(unix) => Some(Socket::Unix(unix)),
            Self::Other(_) => None,
            Self::Guarded(guarded) => guarded.kind.socket(),
        }
    }

    fn io(&self) -> &dyn ReadWrite {
        match self {
            Self::Tcp(tcp) => tcp,
            #[cfg(unix)]
            Self::Unix(unix) => &**unix,
            Self::Other(other) => &**other,
            Self::Guarded(guarded) => guarded.kind.io(),
        }
    }

    fn io_mut(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Tcp(tcp) => tcp,
            #[cfg(unix)]
            Self::Unix(unix) => &mut **unix,
            Self::Other(other) => &mut **other,
            Self::Guarded(guarded) => guarded.kind.io_mut(),
        }
    }
}

/// `io` as an `S`, or as it was.
fn unwrap<T: 'static, S: 'static>(io: T) -> Result<S, T> {
    let mut io = Some(io);
    match (&mut io as &mut dyn Any).downcast_mut::<Option<S>>().and_then(Option::take) {
        Some(unwrapped) => Ok(unwrapped),
        None => Err(io.expect("it was not taken")),
    }
}

impl AsyncRead for AnyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = self.as_mut().io_mut().poll_read(cx, buf);
        self.reach(cx, polled)
    }
}

impl AsyncWrite for AnyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().io_mut().poll_write(cx, buf);
        self.reach(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().io_mut().poll_write_vectored(cx, bufs);
        self.reach(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io_mut().poll_shutdown(cx)
    }
}

impl From<TcpStream> for AnyStream {
    fn from(tcp: TcpStream) -> Self {
        Self::of(Kind::Tcp(tcp))
    }
}

#[cfg(unix)]
impl From<UnixStream> for AnyStream {
    fn from(unix: UnixStream) -> Self {
        Self::of(Kind::Unix(Box::new(unix)))
    }
}

impl fmt::Debug for AnyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("AnyStream");
        match self.socket() {
            Some(Socket::Tcp(tcp)) => debug.field(tcp).finish(),
            #[cfg(unix)]
            Some(Socket::Unix(unix)) => debug.field(unix).finish(),
            None => debug.finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_in_it_is_read_and_written_as_a_socket() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address"))
            .await
            .expect("a connection");
        let (pipe, _) = tokio::io::duplex(1);
        let (mut socket, mut other) = (AnyStream::new(tcp), AnyStream::new(pipe));
        assert!(matches!(Socket::of(&socket), Some(Socket::Tcp(_))));
        assert!(matches!(Socket::of(&&mut socket), Some(Socket::Tcp(_))));
        assert!(Socket::of(&other).is_none() && Socket::of(&&mut other).is_none());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn so_is_a_unix_socket() {
        let (near, _) = UnixStream::pair().expect("sockets");
        assert!(matches!(Socket::of(&AnyStream::new(near)), Some(Socket::Unix(_))));
    }
}
