//! Writing a chain, or any `Buf`, to a transport.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncWrite, ReadBuf};

use super::socket::Socket;

/// So many pieces go into one call; the list is on the stack (hyper and tokio-util: 64).
const SLICES_MAX: usize = 64;

/// So many bytes in several pieces are gathered on the stack, and sent as one: the list, and the call that takes it, cost 80 to 100 ns
/// more than the copy (measured over loopback from 64 bytes on; at 4 KiB little is left of it).
const SMALL_LEN: usize = 2 << 10;

/// A piece that is shorter is gathered with what follows, up to this length, for a transport that takes one piece a call.
const GATHER_LEN: usize = 8 << 10;

/// Writes from the front of `buf` with one call, and consumes what was written: each block of a chain goes home with its last byte.
///
/// Up to 64 pieces go into one vectored call, and one piece, or a few that are at most 2 KiB together, into a plain one. Where the transport is not
/// vectored, a piece that is shorter than 8 KiB is gathered on the stack with what follows, up to 8 KiB. Returns how many bytes were written; 0 if
/// `buf` is empty, or if the transport takes no more.
///
/// As `tokio_util::io::poll_write_buf`, but for bare sockets (see [the module](super)), where a call that was cut short is not followed by
/// one that only hears "not now".
///
/// # Errors
/// Those of the transport; `buf` is as it was then.
pub fn poll_write_buf<T: AsyncWrite, B: Buf>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    if !buf.has_remaining() {
        return Poll::Ready(Ok(0));
    }
    let count = match Socket::of(io.as_ref().get_ref()) {
        Some(socket) => ready!(poll_send(socket, cx, buf))?,
        None => ready!(poll_write_other(io, cx, buf))?,
    };
    buf.advance(count);
    Poll::Ready(Ok(count))
}

/// Writes all of `buf`, and consumes it as it is written.
///
/// # Errors
/// Those of the transport, and `WriteZero` if it takes no more; `buf` has what was not written.
///
/// # Cancel safety
/// Resumable: what was written is gone from `buf`, the rest is there.
pub async fn write_all_buf<T: AsyncWrite + Unpin, B: Buf>(io: &mut T, buf: &mut B) -> io::Result<()> {
    std::future::poll_fn(|cx| poll_write_all_buf(Pin::new(io), cx, buf)).await
}

/// As [`write_all_buf`], for code that polls.
pub(crate) fn poll_write_all_buf<T: AsyncWrite, B: Buf>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<()>> {
    while buf.has_remaining() {
        if ready!(poll_write_buf(io.as_mut(), cx, buf))? == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
    }
    Poll::Ready(Ok(()))
}

fn poll_send<B: Buf>(socket: Socket<'_>, cx: &mut Context<'_>, buf: &B) -> Poll<io::Result<usize>> {
    let first = buf.chunk();
    if first.len() == buf.remaining() {
        return poll_send_slices(socket, cx, &[IoSlice::new(first)]);
    }
    if buf.remaining() <= SMALL_LEN {
        let mut room = [MaybeUninit::uninit(); SMALL_LEN];
        let mut gathered = ReadBuf::uninit(&mut room);
        let mut slices = [IoSlice::new(&[]); 8];
        let count = buf.chunks_vectored(&mut slices);
        slices[..count].iter().for_each(|slice| gathered.put_slice(slice));
        // More pieces than that are worth a list.
        if gathered.filled().len() == buf.remaining() {
            return poll_send_slices(socket, cx, &[IoSlice::new(gathered.filled())]);
        }
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = buf.chunks_vectored(&mut slices);
    poll_send_slices(socket, cx, &slices[..count])
}

/// Writes `slices` with one call; a bare socket that took only some is not asked again only to hear "not now" (SHORT).
#[cfg(feature = "http")]
pub(crate) fn poll_write_slices<T: AsyncWrite>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match Socket::of(io.as_ref().get_ref()) {
        Some(socket) => poll_send_slices(socket, cx, slices),
        None => io.poll_write_vectored(cx, slices),
    }
}

fn poll_send_slices(socket: Socket<'_>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        match socket.try_send(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

fn poll_write_other<T: AsyncWrite, B: Buf>(io: Pin<&mut T>, cx: &mut Context<'_>, buf: &B) -> Poll<io::Result<usize>> {
    let first = buf.chunk();
    if first.len() == buf.remaining() {
        return io.poll_write(cx, first);
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = buf.chunks_vectored(&mut slices);
    if io.is_write_vectored() {
        return io.poll_write_vectored(cx, &slices[..count]);
    }
    if first.len() >= GATHER_LEN {
        return io.poll_write(cx, first);
    }
    let mut gathered = [0; GATHER_LEN];
    let len = gather(&slices[..count], &mut gathered);
    io.poll_write(cx, &gathered[..len])
}

/// Copies as much as there is room for.
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
