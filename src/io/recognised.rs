//! Bare sockets, recognised by their type.
//!
//! # Invariants
//! - SAME-TYPE: a transport is treated as a socket only if the two types are one.

use std::{
    io,
    mem::MaybeUninit,
    task::{Context, Poll},
};

#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio::{
    io::ReadBuf,
    net::{TcpStream, tcp},
};

use super::{any_stream::AnyStream, socket::Socket};

/// The bytes that are received with one call on the stack, without tokio.
const RECV_NOW_LEN: usize = 4 << 10;

impl<'a> Socket<'a> {
    /// The socket that `io` is, if it is one.
    pub(super) fn of<T: ?Sized>(io: &'a T) -> Option<Self> {
        if let Some(any) = cast_any::<T, AnyStream>(io) {
            return any.socket();
        }
        let tcp = cast_any::<T, TcpStream>(io)
            .or_else(|| cast_any::<T, tcp::OwnedReadHalf>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, tcp::OwnedWriteHalf>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, tcp::ReadHalf<'static>>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, tcp::WriteHalf<'static>>(io).map(AsRef::as_ref));
        match tcp {
            Some(tcp) => Some(Self::Tcp(tcp)),
            None => Self::of_unix(io),
        }
    }

    #[cfg(unix)]
    fn of_unix<T: ?Sized>(io: &'a T) -> Option<Self> {
        cast_any::<T, UnixStream>(io)
            .or_else(|| cast_any::<T, unix::OwnedReadHalf>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, unix::OwnedWriteHalf>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, unix::ReadHalf<'static>>(io).map(AsRef::as_ref))
            .or_else(|| cast_any::<T, unix::WriteHalf<'static>>(io).map(AsRef::as_ref))
            .map(Self::Unix)
    }

    #[cfg(not(unix))]
    fn of_unix<T: ?Sized>(_: &'a T) -> Option<Self> {
        None
    }
}

/// The TCP socket that `io` is, if it is one.
pub(crate) fn as_tcp<T>(io: &T) -> Option<&TcpStream> {
    match Socket::of(io) {
        Some(Socket::Tcp(tcp)) => Some(tcp),
        _ => None,
    }
}

/// The result of a poll of an upgraded socket. A task that waits is registered with the server that
/// accepted the socket, and the poll fails when that server has stopped. All code that polls a
/// [`Socket`] calls this.
#[inline]
pub(super) fn reach<T: ?Sized, R>(
    io: &T,
    cx: &Context<'_>,
    polled: Poll<io::Result<R>>,
) -> Poll<io::Result<R>> {
    match cast_any::<T, AnyStream>(io) {
        Some(any) => any.reach(cx, polled),
        None => polled,
    }
}

/// Whether the server that accepted an upgraded socket is stopping.
pub(crate) fn is_leaving<T: ?Sized>(io: &T) -> bool {
    cast_any::<T, AnyStream>(io).is_some_and(AnyStream::is_leaving)
}

/// Whether a transport is a bare socket.
pub(crate) fn is_socket<T: ?Sized>(io: &T) -> bool {
    Socket::of(io).is_some()
}

/// Receives the bytes that the kernel has, even if tokio has not noticed them. `None` if there are
/// none, or if `io` is not a socket.
pub(crate) fn recv_now<T>(io: &T, room: &mut ReadBuf<'_>) -> Option<io::Result<usize>> {
    use std::io::Read;

    let mut bytes = [0; RECV_NOW_LEN];
    let most = room.remaining().min(RECV_NOW_LEN);
    let received = (&*Socket::of(io)?.sock()).read(&mut bytes[..most]);
    if let Ok(count) = received {
        room.put_slice(&bytes[..count]);
    }
    Some(received)
}

/// The number of bytes that the kernel has, up to `most`. `None` if `io` is not a socket, or has
/// failed.
pub(crate) fn peek_now<T>(io: &T, most: usize) -> Option<usize> {
    let mut room = [MaybeUninit::uninit(); RECV_NOW_LEN];
    match Socket::of(io)?.sock().peek(&mut room[..most.min(RECV_NOW_LEN)]) {
        Ok(count) => Some(count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

/// The number of received bytes that the kernel may hold for `io`. `None` if it is not a socket.
pub(crate) fn recv_room<T>(io: &T) -> Option<usize> {
    Socket::of(io)?.sock().recv_buffer_size().ok()
}

/// Waits until a transport has bytes to read, if it is a socket. To ask any other transport, read
/// from it.
pub(crate) fn poll_readable<T>(io: &T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    match Socket::of(io) {
        Some(socket) => {
            let polled = socket.poll_read_ready(cx);
            reach(io, cx, polled)
        }
        None => Poll::Ready(Ok(())),
    }
}

/// `io` as the socket, half or `AnyStream` `S`, or as a mutable reference to one. `None` if it is
/// another type.
fn cast_any<T: ?Sized, S: 'static>(io: &T) -> Option<&S> {
    cast::<T, S>(io).or_else(|| cast::<T, &mut S>(io).map(|io| &**io))
}

/// `io` as an `S`. `None` if it is another type.
fn cast<T: ?Sized, S>(io: &T) -> Option<&S> {
    (typeid::of::<T>() == typeid::of::<S>()).then(|| {
        // SAFETY: SAME-TYPE: equal ids mean types that are equal but for lifetimes. Each `S` in
        // this file is a socket, which has no lifetime (an `AnyStream` is `'static` too), or a half
        // or a mutable reference that borrows one. The result lives no longer than `io`, nor than
        // what `io` itself borrows.
        unsafe { &*std::ptr::from_ref(io).cast::<S>() }
    })
}
