//! `Peer`: a socket that makes other calls of the system (`read`, `write`) than those of the crate
//! do (`recvmsg`, `sendmsg` and their like), so that theirs can be made to fail alone.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::Shutdown,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd};

pub(crate) struct Peer(AsyncFd<File>);

impl Peer {
    /// Of a socket that does not block.
    pub(crate) fn new(socket: impl Into<OwnedFd>) -> io::Result<Self> {
        // SAFETY: a file gives the same descriptor, open, for as long as it lives; this one is
        // never changed.
        Ok(Self(unsafe { AsyncFd::register(File::from(socket.into())) }?))
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut room = vec![0; buf.remaining()];
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            if let Ok(count) = ready.try_io(|file| file.get_ref().read(&mut room)) {
                return Poll::Ready(count.map(|count| buf.put_slice(&room[..count])));
            }
        }
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(count) = ready.try_io(|file| file.get_ref().write(buf)) {
                return Poll::Ready(count);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.0.get_ref()).shutdown(Shutdown::Write))
    }
}
