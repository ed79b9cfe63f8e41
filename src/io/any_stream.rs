//! `AnyStream`: one type for sockets and everything else.

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

use super::socket::Socket;

/// A bare socket, or any other transport in a box.
///
/// For code that has one type for connections of several kinds: TCP, TLS, an HTTP upgrade. What it holds of a socket is the socket itself, so
/// that the rest of this crate reads and writes it as such ([the module](super)), at the same system calls; a `Box<dyn AsyncRead>` would hide
/// it. No larger than a `TcpStream`.
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
}

enum Kind {
    Tcp(TcpStream),
    /// In a box too: two sockets side by side would make the type larger than either.
    #[cfg(unix)]
    Unix(Box<UnixStream>),
    Other(Box<dyn ReadWrite>),
}

/// What a box of any transport can do.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for T {}

impl AnyStream {
    /// A transport of any type; a socket is recognised by its own.
    pub fn new<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        match unwrap::<T, TcpStream>(io) {
            Ok(tcp) => tcp.into(),
            Err(io) => Self::new_but_tcp(io),
        }
    }

    #[cfg(unix)]
    fn new_but_tcp<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        match unwrap::<T, UnixStream>(io) {
            Ok(unix) => unix.into(),
            Err(io) => Self { kind: Kind::Other(Box::new(io)) },
        }
    }

    #[cfg(not(unix))]
    fn new_but_tcp<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        Self { kind: Kind::Other(Box::new(io)) }
    }

    /// The TCP socket, if it is one: for its addresses and options.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.kind {
            Kind::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    pub(super) fn socket(&self) -> Option<Socket<'_>> {
        match &self.kind {
            Kind::Tcp(tcp) => Some(Socket::Tcp(tcp)),
            #[cfg(unix)]
            Kind::Unix(unix) => Some(Socket::Unix(unix)),
            Kind::Other(_) => None,
        }
    }

    fn io(&self) -> &dyn ReadWrite {
        match &self.kind {
            Kind::Tcp(tcp) => tcp,
            #[cfg(unix)]
            Kind::Unix(unix) => &**unix,
            Kind::Other(other) => &**other,
        }
    }

    fn io_mut(self: Pin<&mut Self>) -> Pin<&mut dyn ReadWrite> {
        let io: &mut dyn ReadWrite = match &mut self.get_mut().kind {
            Kind::Tcp(tcp) => tcp,
            #[cfg(unix)]
            Kind::Unix(unix) => &mut **unix,
            Kind::Other(other) => &mut **other,
        };
        Pin::new(io)
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
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.io_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for AnyStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.io_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io_mut().poll_write_vectored(cx, bufs)
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
        Self { kind: Kind::Tcp(tcp) }
    }
}

#[cfg(unix)]
impl From<UnixStream> for AnyStream {
    fn from(unix: UnixStream) -> Self {
        Self { kind: Kind::Unix(Box::new(unix)) }
    }
}

impl fmt::Debug for AnyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("AnyStream");
        match &self.kind {
            Kind::Tcp(tcp) => debug.field(tcp).finish(),
            #[cfg(unix)]
            Kind::Unix(unix) => debug.field(unix).finish(),
            Kind::Other(_) => debug.finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_in_it_is_one_to_whoever_reads_and_writes_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
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
