//! tokio's `BufReader`, `BufWriter` and `BufStream`, as this crate's `BufStream`.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf, SeekFrom};

use crate::pool;

type Inner<T> = leasehold::io::BufStream<T>;

/// The capacity of tokio's buffers.
const CAPACITY: usize = 8 << 10;

/// The cases read into less. Leased blocks of a reader are longer.
const BLOCK_LEN: usize = 1 << 10;

/// A transport that gives no more than so many bytes to a leased block.
pub struct Short<T> {
    inner: T,
    limit: Option<usize>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Short<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_block = buf.remaining() >= BLOCK_LEN;
        let Some(limit) = self.limit.filter(|_| is_block) else {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        };
        let mut bytes = vec![0; limit];
        let mut short = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut short);
        buf.put_slice(short.filled());
        polled
    }
}

impl<T: AsyncSeek + Unpin> AsyncSeek for Short<T> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.inner).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.inner).poll_complete(cx)
    }
}

/// tokio's `BufReader`.
pub struct BufReader<T>(Inner<Short<T>>);

impl<T: AsyncRead> BufReader<T> {
    pub fn new(inner: T) -> Self {
        Self::with_capacity(CAPACITY, inner)
    }

    pub fn with_capacity(capacity: usize, inner: T) -> Self {
        Self::over(capacity, Short { inner, limit: None })
    }

    fn over(capacity: usize, inner: Short<T>) -> Self {
        Self(Inner::with_capacity(capacity, 0, inner, pool()))
    }

    pub fn get_ref(&self) -> &T {
        &self.0.get_ref().inner
    }

    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0.get_mut().inner
    }

    /// The cases read no more than one chunk has.
    pub fn buffer(&self) -> &[u8] {
        self.0.read_buffer().chunk()
    }
}

impl<T> fmt::Debug for BufReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader").finish_non_exhaustive()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for BufReader<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + Unpin> AsyncBufRead for BufReader<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().0).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        Pin::new(&mut self.0).consume(count);
    }
}

impl<T: AsyncRead + AsyncSeek + Unpin> AsyncSeek for BufReader<T> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}

/// Makes a `BufReader` whose transport gives no more than the capacity to a leased block. The
/// reader would take more at once, and a case that counts on its capacity would end there.
pub struct ShortBufReader;

impl ShortBufReader {
    #[allow(clippy::new_ret_no_self)]
    pub fn new<T: AsyncRead>(inner: T) -> BufReader<T> {
        Self::with_capacity(CAPACITY, inner)
    }

    pub fn with_capacity<T: AsyncRead>(capacity: usize, inner: T) -> BufReader<T> {
        BufReader::over(capacity, Short { inner, limit: Some(capacity) })
    }
}

/// tokio's `BufWriter`.
pub struct BufWriter<T>(Inner<T>);

impl<T: AsyncWrite + Unpin> BufWriter<T> {
    pub fn new(inner: T) -> Self {
        Self::with_capacity(CAPACITY, inner)
    }

    pub fn with_capacity(capacity: usize, inner: T) -> Self {
        Self(Inner::with_capacity(CAPACITY, capacity, inner, pool()))
    }

    pub fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// The cases collect no more than one chunk has.
    pub fn buffer(&self) -> &[u8] {
        self.0.write_buffer().chunk()
    }

    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BufWriter<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl<T: AsyncWrite + AsyncSeek + Unpin> AsyncSeek for BufWriter<T> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}

/// Its `with_capacity` makes this crate's `BufStream`.
pub struct BufStream;

impl BufStream {
    pub fn with_capacity<T>(reader: usize, writer: usize, inner: T) -> Inner<T>
    where
        T: AsyncRead + AsyncWrite,
    {
        Inner::with_capacity(reader, writer, inner, pool())
    }
}
