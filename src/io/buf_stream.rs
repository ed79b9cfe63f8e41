//! `BufStream`: buffered reading and writing that holds no memory while the buffers are empty.
//!
//! # Invariants
//! - NO-IDLE-ROOM: `unread` and `unsent` have room only while they have bytes.
//! - KNOWS-HOW: while `unsent` has bytes, `send_all` is set. A seek has to send them, and is there
//!   for transports that only read too.

mod seek;

use std::{
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::{
    again::poll_again, chain_reader::ChainReader, read::poll_read_piece, write::poll_write_all_buf,
};
use crate::{
    chain::{Chain, ChainMut},
    pool::Account,
};

/// Writes are collected up to this many bytes. Reads into buffers of at least this length bypass
/// the blocks. It is the length of tokio's buffers. Other capacities can be given.
const BUFFER_LEN: usize = 8 << 10;

/// A transport with buffers that are leased when they are needed. It replaces tokio's `BufStream`,
/// `BufReader` and `BufWriter`.
///
/// It reads as [`ChainReader`] does, and gives bytes out through [`AsyncRead`] and
/// [`AsyncBufRead`]. It collects small writes as tokio's `BufWriter` does, up to 8 KiB or a flush.
/// When everything was read and flushed it holds no block. A transport that only reads, or only
/// writes, can be wrapped as well.
///
/// If there is no memory for a write, the bytes go to the transport at once. A read into less than
/// 8 KiB waits for memory, for the pool's `max_wait` at most. The memory may be that of the
/// stream's own collected writes, so an account of its own needs 8 KiB for writes and one block
/// more for reads.
///
/// # Cancel safety
/// That of tokio's methods that are called on it. No byte is lost between the transport and the
/// buffers.
///
/// # Examples
/// ```
/// use leasehold::{Pool, io::BufStream};
/// use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let pool = Pool::new(8 << 20).unwrap();
/// let (near, mut far) = tokio::io::duplex(1 << 10);
/// far.write_all(b"GET /\nHost: here\n").await?;
///
/// let mut stream = BufStream::new(near, &pool);
/// let mut line = String::new();
/// stream.read_line(&mut line).await?;
/// assert_eq!(line, "GET /\n");
/// stream.read_line(&mut line).await?;
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BufStream<T> {
    inner: T,
    reader: ChainReader,
    unread: ChainMut,
    unsent: ChainMut,
    reader_capacity: usize,
    writer_capacity: usize,
    /// Sends what was collected, on a transport that writes.
    send_all: Option<SendAll<T>>,
    seek: Option<Box<Seek>>,
}

type SendAll<T> = fn(&mut BufStream<T>, &mut Context<'_>) -> Poll<io::Result<()>>;

/// How far a seek has come.
#[derive(Debug)]
enum Seek {
    /// It begins once all that was written has gone to the transport.
    Asked(SeekFrom),
    /// The transport seeks. The number is what is left to seek from where it comes out.
    Begun { rest: i64 },
}

/// The parts of a [`BufStream`], from [`BufStream::into_parts`].
///
/// # Examples
/// ```
/// use leasehold::{Pool, io::BufStream};
///
/// let pool = Pool::new(8 << 20)?;
/// let (near, _far) = tokio::io::duplex(64);
/// let parts = BufStream::new(near, &pool).into_parts();
/// assert!(parts.unread.is_empty() && parts.unsent.is_empty());
/// # Ok::<(), leasehold::BuildError>(())
/// ```
#[derive(Debug)]
pub struct BufStreamParts<T> {
    /// The transport.
    pub inner: T,
    /// The bytes that were read from the transport and not given out.
    pub unread: Chain,
    /// The bytes that were written to the stream and not to the transport.
    pub unsent: Chain,
}

impl<T> BufStream<T> {
    /// Buffers `inner` with blocks that are charged to `account`. Nothing is leased yet.
    pub fn new(inner: T, account: &Account) -> Self {
        Self::over(inner, account, ChainReader::new(), BUFFER_LEN, BUFFER_LEN)
    }

    /// As [`new`](Self::new), with the capacities that tokio's buffers would have.
    ///
    /// # Shape
    /// Bytes. Reads lease at most about `reader_capacity` at once, between 4 KiB and 512 KiB; reads
    /// into buffers of at least as many bytes bypass the blocks. Writes are collected up to
    /// `writer_capacity`; 0 collects nothing.
    pub fn with_capacity(
        reader_capacity: usize,
        writer_capacity: usize,
        inner: T,
        account: &Account,
    ) -> Self {
        let reader = ChainReader::new().max_read(reader_capacity);
        Self::over(inner, account, reader, reader_capacity, writer_capacity)
    }

    fn over(
        inner: T,
        account: &Account,
        reader: ChainReader,
        reader_capacity: usize,
        writer_capacity: usize,
    ) -> Self {
        Self {
            inner,
            reader,
            unread: ChainMut::new(account),
            unsent: ChainMut::new(account),
            reader_capacity,
            writer_capacity,
            send_all: None,
            seek: None,
        }
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The transport. Reads from it and writes to it bypass the buffers.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The bytes that were read from the transport and not given out: the `buffer` of tokio's
    /// `BufReader`.
    ///
    /// There is no method `buffer`, because a `BufReader` and a `BufWriter` mean different bytes by
    /// it.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, io::BufStream};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let pool = Pool::new(8 << 20).unwrap();
    /// let (near, mut far) = tokio::io::duplex(1 << 10);
    /// far.write_all(b"hello").await?;
    ///
    /// let mut stream = BufStream::new(near, &pool);
    /// assert_eq!(stream.read_u8().await?, b'h');
    /// stream.write_all(b"bye").await?;
    /// assert_eq!(stream.read_buffer().chunks().collect::<Vec<_>>(), [b"ello"]);
    /// assert_eq!(stream.write_buffer().chunks().collect::<Vec<_>>(), [b"bye"]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "buffer")]
    pub fn read_buffer(&self) -> &ChainMut {
        &self.unread
    }

    /// The bytes that were written to the stream and not to the transport: the `buffer` of tokio's
    /// `BufWriter`.
    #[doc(alias = "buffer")]
    pub fn write_buffer(&self) -> &ChainMut {
        &self.unsent
    }

    /// Returns the transport, as tokio's `into_inner` does. The bytes in the buffers are lost;
    /// [`into_parts`](Self::into_parts) loses nothing.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Takes the stream apart. No byte is lost: the bytes in the buffers are returned with the
    /// transport.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, io::BufStream};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (near, mut far) = tokio::io::duplex(1 << 10);
    /// far.write_all(b"hello").await?;
    ///
    /// let mut stream = BufStream::new(near, &pool);
    /// stream.read_u8().await?;
    /// stream.write_all(b"bye").await?;
    /// let parts = stream.into_parts();
    /// assert_eq!(parts.unread, *b"ello");
    /// assert_eq!(parts.unsent, *b"bye");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_parts(self) -> BufStreamParts<T> {
        BufStreamParts {
            inner: self.inner,
            unread: self.unread.freeze(),
            unsent: self.unsent.freeze(),
        }
    }
}

impl<T> BufStream<T> {
    fn take_unread(&mut self, count: usize) {
        self.unread.advance(count);
        if self.unread.is_empty() {
            self.unread.release_room();
        }
    }
}

impl<T: AsyncRead + Unpin> BufStream<T> {
    /// Reads until bytes are buffered, or until the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            ready!(self.reader.poll_read(cx, Pin::new(&mut self.inner), &mut self.unread))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for BufStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty()
            && buf.remaining() >= self.reader_capacity
            && !self.reader.has_error()
        {
            self.reader.stop_waiting();
            return poll_read_piece(Pin::new(&mut self.inner), cx, buf);
        }
        ready!(self.poll_fill(cx))?;
        let mut taken = 0;
        for chunk in self.unread.chunks() {
            let count = chunk.len().min(buf.remaining());
            buf.put_slice(&chunk[..count]);
            taken += count;
        }
        self.take_unread(taken);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncBufRead for BufStream<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx))?;
        Poll::Ready(Ok(this.unread.chunk()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        // As tokio's: it never consumes more than was seen.
        let count = count.min(self.unread.chunk().len());
        self.take_unread(count);
    }
}

impl<T: AsyncWrite + Unpin> BufStream<T> {
    /// Writes all that was collected to the transport.
    fn poll_send_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_write_all_buf(Pin::new(&mut self.inner), cx, &mut self.unsent))?;
        self.unsent.release_room();
        Poll::Ready(Ok(()))
    }

    /// Makes room for a write of `len` bytes. Returns whether the write is to be collected. If it
    /// is not, all collected bytes were sent before it.
    fn poll_collect(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<bool>> {
        self.send_all = Some(Self::poll_send_all); // KNOWS-HOW
        let is_small = len < self.writer_capacity;
        if is_small
            && self.unsent.len() + len <= self.writer_capacity
            && self.unsent.try_reserve_untold(len).is_ok()
        {
            return Poll::Ready(Ok(true));
        }
        ready!(self.poll_send_all(cx))?;
        Poll::Ready(Ok(is_small && self.unsent.try_reserve_untold(len).is_ok()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BufStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if ready!(self.poll_collect(cx, buf.len()))? {
            self.unsent.put_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        poll_again(cx, |cx| Pin::new(&mut self.inner).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().fold(0usize, |len, buf| len.saturating_add(buf.len()));
        if ready!(self.poll_collect(cx, len))? {
            bufs.iter().for_each(|buf| self.unsent.put_slice(buf));
            return Poll::Ready(Ok(len));
        }
        poll_again(cx, |cx| Pin::new(&mut self.inner).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_all(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_all(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
