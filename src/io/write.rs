//! Writing a chain, or any `Buf`, to a transport.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncWrite, ReadBuf};

use super::{
    again::poll_again,
    recognised::{is_socket, reach},
    socket::Socket,
};

/// The most pieces of one call. The list is on the stack (hyper and tokio-util: 64).
const SLICES_MAX: usize = 64;

/// Several pieces of this length together are gathered on the stack and sent as one. The list, and
/// the call that takes it, cost 80 to 100 ns more than the copy (measured over loopback from 64
/// bytes on; at 4 KiB little of the gain is left).
const SMALL_LEN: usize = 2 << 10;
/// The most pieces that are gathered so. A list pays for more.
const SMALL_SLICES_MAX: usize = 8;

/// A shorter piece is gathered with the pieces behind it, up to this length, for a transport that
/// takes one piece with each call.
const GATHER_LEN: usize = 8 << 10;

/// Writes from the front of `buf` with one call, and consumes what was written. Each block of a
/// chain goes home with its last byte.
///
/// Up to 64 pieces go into one vectored call. One piece, or a few that are at most 2 KiB together,
/// go into a plain call. If the transport is not vectored, a piece that is shorter than 8 KiB is
/// gathered on the stack with the pieces behind it, up to 8 KiB. Returns how many bytes were
/// written. That is 0 if `buf` is empty, or if the transport takes no more.
///
/// It behaves as `tokio_util::io::poll_write_buf`, but for two things. On bare sockets (see [the
/// module](super)) a call that was cut short is not followed by one that finds no room. A call that
/// fails with `Interrupted` is made again.
///
/// # Errors
/// Those of the transport. `buf` is as it was then.
///
/// # Examples
/// ```
/// use leasehold::{Chain, io::poll_write_buf};
/// use std::{future::poll_fn, pin::Pin};
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut near, mut far) = tokio::io::duplex(4);
/// let mut chain: Chain = ["hel", "lo"].into_iter().collect();
/// let count = poll_fn(|cx| poll_write_buf(Pin::new(&mut near), cx, &mut chain)).await?;
/// assert_eq!((count, chain.len()), (4, 1)); // the pipe took four bytes
/// let mut got = [0; 4];
/// far.read_exact(&mut got).await?;
/// assert_eq!(&got, b"hell");
/// # Ok(())
/// # }
/// ```
pub fn poll_write_buf<T: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    let left = buf.remaining();
    if left == 0 { Poll::Ready(Ok(0)) } else { poll_write_some(io, cx, buf, left) }
}

/// Writes all of `buf`, and consumes it while it is written.
///
/// # Errors
/// Those of the transport, and `WriteZero` if it takes no more. `buf` has the bytes that were not
/// written.
///
/// # Cancel safety
/// Resumable. The bytes that were written are gone from `buf`, and the rest is there.
///
/// # Examples
/// ```
/// use leasehold::{Chain, io::write_all_buf};
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut near, mut far) = tokio::io::duplex(64);
/// let mut chain: Chain = ["head, ", "body"].into_iter().collect();
/// write_all_buf(&mut near, &mut chain).await?;
/// assert!(chain.is_empty());
/// drop(near);
/// let mut got = String::new();
/// far.read_to_string(&mut got).await?;
/// assert_eq!(got, "head, body");
/// # Ok(())
/// # }
/// ```
pub async fn write_all_buf<T: AsyncWrite + Unpin + ?Sized, B: Buf + ?Sized>(
    io: &mut T,
    buf: &mut B,
) -> io::Result<()> {
    std::future::poll_fn(|cx| poll_write_all_buf(Pin::new(io), cx, buf)).await
}

/// As [`write_all_buf`], for code that polls.
pub(crate) fn poll_write_all_buf<T: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<()>> {
    let mut left = buf.remaining();
    while left > 0 {
        match ready!(poll_write_some(io.as_mut(), cx, buf, left))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => left -= count,
        }
    }
    Poll::Ready(Ok(()))
}

/// Writes some of the `left` bytes of `buf` with one call that is not interrupted. `left` is not 0.
fn poll_write_some<T: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
    left: usize,
) -> Poll<io::Result<usize>> {
    let polled = poll_again(cx, |cx| {
        let (io, first) = (io.as_mut(), buf.chunk());
        if first.len() == left {
            poll_write_piece(io, cx, first)
        } else if left <= SMALL_LEN && is_socket(&*io) {
            poll_write_small(io, cx, buf, left)
        } else {
            poll_write_pieces(io, cx, buf)
        }
    });
    let count = ready!(polled)?;
    buf.advance(count);
    Poll::Ready(Ok(count))
}

/// Writes one piece with one call.
fn poll_write_piece<T: AsyncWrite + ?Sized>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    piece: &[u8],
) -> Poll<io::Result<usize>> {
    match Socket::of(io.as_ref().get_ref()) {
        None => io.poll_write(cx, piece),
        Some(socket) if !socket.is_tcp() => {
            let polled = poll_send_slices(socket, cx, &[IoSlice::new(piece)]);
            reach(io.as_ref().get_ref(), cx, polled)
        }
        // The plain write of tokio's TCP streams is SHORT by itself, and raises no signal.
        Some(_) => io.poll_write(cx, piece),
    }
}

/// Writes a few short pieces as one.
fn poll_write_small<T: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &B,
    left: usize,
) -> Poll<io::Result<usize>> {
    let mut room = [MaybeUninit::uninit(); SMALL_LEN];
    let mut gathered = ReadBuf::uninit(&mut room);
    let mut slices = [IoSlice::new(&[]); SMALL_SLICES_MAX];
    let count = buf.chunks_vectored(&mut slices);
    slices[..count].iter().for_each(|slice| gathered.put_slice(slice));
    if gathered.filled().len() == left {
        poll_write_piece(io, cx, gathered.filled())
    } else {
        poll_write_pieces(io, cx, buf)
    }
}

fn poll_write_pieces<T: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &B,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = buf.chunks_vectored(&mut slices);
    let slices = &slices[..count];
    if let Some(socket) = Socket::of(io.as_ref().get_ref()) {
        let polled = poll_send_slices(socket, cx, slices);
        return reach(io.as_ref().get_ref(), cx, polled);
    }
    if io.is_write_vectored() {
        return io.poll_write_vectored(cx, slices);
    }
    let first = buf.chunk();
    if first.len() >= GATHER_LEN {
        return io.poll_write(cx, first);
    }
    let mut gathered = [0; GATHER_LEN];
    let len = gather(slices, &mut gathered);
    io.poll_write(cx, &gathered[..len])
}

/// Writes `slices` with one call. A bare socket that took only some of them is not called again to
/// find no room (SHORT).
pub(crate) fn poll_write_slices<T: AsyncWrite>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match Socket::of(io.as_ref().get_ref()) {
        Some(socket) => {
            let polled = poll_send_slices(socket, cx, slices);
            reach(io.as_ref().get_ref(), cx, polled)
        }
        None => poll_again(cx, |cx| io.as_mut().poll_write_vectored(cx, slices)),
    }
}

fn poll_send_slices(
    socket: Socket<'_>,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        match socket.try_send(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// Copies as many bytes as there is room for.
fn gather(slices: &[IoSlice<'_>], gathered: &mut [u8]) -> usize {
    let mut len = 0;
    for slice in slices {
        let room = &mut gathered[len..];
        let count = slice.len().min(room.len());
        room[..count].copy_from_slice(&slice[..count]);
        len += count;
    }
    len
}
