//! Reading a transport that is polled.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::again::poll_again;

/// Reads into the room of `buf`, one piece of it. Returns how many bytes it read, and 0 at the end
/// of the stream or without room.
pub(crate) fn poll_read_buf<T: AsyncRead + ?Sized, B: BufMut + ?Sized>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    // Dropping this future on `Pending` is safe: `read_buf` has read nothing then.
    poll_again(cx, |cx| pin!(io.read_buf(buf)).poll(cx))
}

/// Reads into `piece`.
pub(crate) fn poll_read_piece<T: AsyncRead + ?Sized>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    piece: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    poll_again(cx, |cx| io.as_mut().poll_read(cx, piece))
}
