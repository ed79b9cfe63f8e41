//! `Framed`: a tokio-util codec on a transport that holds nothing while it is idle.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder};

use super::buffer::Buffer;
use crate::{
    codec::states::{Frames, States},
    io::{poll_read_buf, poll_readable, poll_write_all_buf},
    pool::Account,
};

/// The first capacity of a buffer, and the bytes from which on a sink sends: tokio-util's defaults.
const CAPACITY: usize = 8 << 10;

pin_project! {
    /// A transport and a tokio-util codec as one [`Stream`] and [`Sink`] of frames. It replaces
    /// `tokio_util::codec::Framed`.
    ///
    /// It has the same frames, errors, states and back-pressure. But there is no buffer while
    /// nothing is read or sent. The transport may also be one that only reads or only writes;
    /// [`FramedRead`](super::FramedRead) and [`FramedWrite`](super::FramedWrite) have the names of
    /// tokio-util for that.
    ///
    /// # Errors
    /// Those of the codec, and of the transport as [`io::Error`]. With
    /// [`charge_to`](Self::charge_to) also [`LeaseError`](crate::LeaseError) as [`io::Error`]:
    /// reading and [`poll_ready`](Sink::poll_ready) wait for memory, for each quarter of the pool's
    /// budget for `max_wait` at most. An item of up to 8 KiB always fits then. A larger item is
    /// refused if its memory cannot be charged at once, and nothing of it is sent.
    ///
    /// # Cancel safety
    /// As tokio-util's: `next` and `flush` are cancel safe.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use futures_util::{SinkExt, StreamExt};
    /// use leasehold::{Pool, codec::compat::Framed};
    /// use tokio_util::codec::LinesCodec;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = Pool::new(8 << 20)?;
    /// let (near, far) = tokio::io::duplex(1 << 10);
    /// let mut near = Framed::new(near, LinesCodec::new());
    /// let mut far = Framed::new(far, LinesCodec::new()).charge_to(&pool);
    /// near.send("hello").await?;
    /// assert_eq!(far.next().await.unwrap()?, "hello");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct Framed<T, U> {
        #[pin]
        io: T,
        codec: U,
        read: Buffer,
        states: States,
        write: Buffer,
        read_capacity: u32,
        boundary: usize,
        account: Option<Account>,
    }
}

/// The parts of a [`Framed`], as tokio-util's.
///
/// # Examples
/// ```
/// use leasehold::codec::compat::{Framed, FramedParts};
/// use tokio_util::codec::LinesCodec;
///
/// let (near, _far) = tokio::io::duplex(64);
/// let mut parts = FramedParts::new::<String>(near, LinesCodec::new());
/// parts.read_buf.extend_from_slice(b"read before\n");
/// let lines = Framed::from_parts(parts);
/// assert_eq!(&lines.read_buffer()[..], b"read before\n");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct FramedParts<T, U> {
    /// The transport.
    pub io: T,
    /// The codec.
    pub codec: U,
    /// Bytes that were read and not decoded.
    pub read_buf: BytesMut,
    /// Bytes that were encoded and not sent.
    pub write_buf: BytesMut,
}

impl<T, U> FramedParts<T, U> {
    /// Makes parts without any buffered bytes. `I` is any item that the codec encodes, as in
    /// tokio-util.
    pub fn new<I>(io: T, codec: U) -> Self
    where
        U: Encoder<I>,
    {
        Self::unbuffered(io, codec)
    }

    fn unbuffered(io: T, codec: U) -> Self {
        Self { io, codec, read_buf: BytesMut::new(), write_buf: BytesMut::new() }
    }
}

impl<T, U> From<tokio_util::codec::FramedParts<T, U>> for FramedParts<T, U> {
    fn from(parts: tokio_util::codec::FramedParts<T, U>) -> Self {
        Self {
            io: parts.io,
            codec: parts.codec,
            read_buf: parts.read_buf,
            write_buf: parts.write_buf,
        }
    }
}

impl<T, U> Framed<T, U> {
    /// Frames `io`. The buffers are charged to no account, until [`charge_to`](Self::charge_to)
    /// names one.
    pub fn new(io: T, codec: U) -> Self {
        Self::with_capacity(io, codec, CAPACITY)
    }

    /// As [`new`](Self::new), but a buffer for reading begins with `capacity` bytes. As in
    /// tokio-util, this is the [`backpressure_boundary`](Self::backpressure_boundary) too. The
    /// default is 8 KiB.
    pub fn with_capacity(io: T, codec: U, capacity: usize) -> Self {
        let read_capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self {
            read_capacity,
            boundary: capacity,
            ..Self::from_parts(FramedParts::unbuffered(io, codec))
        }
    }

    /// Goes on with the parts of another one, perhaps with another codec.
    pub fn from_parts(parts: impl Into<FramedParts<T, U>>) -> Self {
        let parts = parts.into();
        Self {
            io: parts.io,
            codec: parts.codec,
            states: States::new(!parts.read_buf.is_empty()),
            read: Buffer::new(parts.read_buf),
            write: Buffer::new(parts.write_buf),
            read_capacity: CAPACITY as u32,
            boundary: CAPACITY,
            account: None,
        }
    }

    /// Charges the buffers to an account, beginning with their next use.
    #[must_use]
    pub fn charge_to(self, account: &Account) -> Self {
        Self {
            account: Some(account.clone()),
            read: self.read.uncharged(),
            write: self.write.uncharged(),
            ..self
        }
    }

    /// Takes it apart. No byte is lost, and no account is charged any more.
    pub fn into_parts(self) -> FramedParts<T, U> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: self.read.bytes,
            write_buf: self.write.bytes,
        }
    }

    /// The transport alone. Bytes in the buffers are lost; [`into_parts`](Self::into_parts) keeps
    /// them.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The transport. Reads from it and writes to it disturb the frames.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The transport, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// The codec.
    pub fn codec(&self) -> &U {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut U {
        &mut self.codec
    }

    /// The codec of a pinned `Framed`.
    pub fn codec_pin_mut(self: Pin<&mut Self>) -> &mut U {
        self.project().codec
    }

    /// Goes on with another codec. It decodes the buffered bytes first.
    pub fn map_codec<C>(self, map: impl FnOnce(U) -> C) -> Framed<T, C> {
        Framed {
            io: self.io,
            codec: map(self.codec),
            states: States::new(!self.read.bytes.is_empty()),
            read: self.read,
            write: self.write,
            read_capacity: self.read_capacity,
            boundary: self.boundary,
            account: self.account,
        }
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer(&self) -> &BytesMut {
        &self.read.bytes
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.read.bytes
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer(&self) -> &BytesMut {
        &self.write.bytes
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.write.bytes
    }

    /// When this many bytes are queued, the sink sends before it takes another item. The default is
    /// 8 KiB.
    pub fn backpressure_boundary(&self) -> usize {
        self.boundary
    }

    /// Changes the [`backpressure_boundary`](Self::backpressure_boundary).
    pub fn set_backpressure_boundary(&mut self, bytes: usize) {
        self.boundary = bytes;
    }
}

impl<T: AsyncRead, U: Decoder> Stream for Framed<T, U> {
    type Item = Result<U::Item, U::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let (account, capacity) = (this.account.as_ref(), *this.read_capacity as usize);
        this.states.poll_next(
            cx,
            &mut Source { io: this.io, codec: this.codec, buffer: this.read, account, capacity },
        )
    }
}

struct Source<'a, T, U> {
    io: Pin<&'a mut T>,
    codec: &'a mut U,
    buffer: &'a mut Buffer,
    account: Option<&'a Account>,
    capacity: usize,
}

impl<T: AsyncRead, U> Source<'_, T, U> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if poll_readable(self.io.as_ref().get_ref(), cx)?.is_pending() {
            self.buffer.stop_waiting();
            return Poll::Pending;
        }
        ready!(self.buffer.poll_room(cx, self.account, self.capacity))?;
        poll_read_buf(self.io.as_mut(), cx, &mut self.buffer.bytes)
    }
}

impl<T: AsyncRead, U: Decoder> Frames for Source<'_, T, U> {
    type Item = U::Item;
    type Error = U::Error;

    fn decode(&mut self, is_eof: bool) -> Result<Option<U::Item>, U::Error> {
        let bytes = &mut self.buffer.bytes;
        let decoded = if is_eof { self.codec.decode_eof(bytes) } else { self.codec.decode(bytes) };
        if self.buffer.bytes.is_empty() {
            self.buffer.park(self.account, self.capacity);
        } else {
            // If this is refused, the next read waits for it.
            let _ = self.buffer.fit(self.account);
        }
        decoded
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let polled = self.poll_fill(cx);
        if !matches!(polled, Poll::Ready(Ok(1..))) {
            self.buffer.park(self.account, self.capacity);
        }
        polled
    }
}

impl<T: AsyncWrite, U> Framed<T, U> {
    fn poll_send(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        ready!(poll_write_all_buf(this.io.as_mut(), cx, &mut this.write.bytes))?;
        this.write.park(this.account.as_ref(), CAPACITY);
        this.io.poll_flush(cx)
    }
}

impl<T: AsyncWrite, I, U: Encoder<I>> Sink<I> for Framed<T, U> {
    type Error = U::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), U::Error>> {
        if self.write.bytes.len() >= self.boundary {
            ready!(self.as_mut().poll_send(cx))?;
        }
        let this = self.as_mut().project();
        let Some(account) = this.account else { return Poll::Ready(Ok(())) };
        if this.write.try_room(account, CAPACITY).is_ok() {
            this.write.stop_waiting();
            return Poll::Ready(Ok(()));
        }
        if !this.write.bytes.is_empty() {
            // The bytes that are queued here may be the memory that is missing.
            ready!(self.as_mut().poll_send(cx))?;
        }
        let this = self.project();
        Poll::Ready(Ok(ready!(this.write.poll_room(cx, this.account.as_ref(), CAPACITY))
            .map_err(io::Error::from)?))
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), U::Error> {
        let this = self.project();
        let (write, account) = (this.write, this.account.as_ref());
        let len = write.bytes.len();
        let mut encoded = this.codec.encode(item, &mut write.bytes);
        if let Err(error) = write.fit(account) {
            write.truncate(len);
            encoded = encoded.and(Err(io::Error::from(error).into()));
        }
        if write.bytes.is_empty() {
            // After an error, or if nothing was sent, no flush follows that would do this.
            write.park(account, CAPACITY);
        }
        encoded
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), U::Error>> {
        // A flush means that the item which waited for memory, if there was one, was given up.
        self.as_mut().project().write.stop_waiting();
        self.poll_send(cx).map_err(Into::into)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), U::Error>> {
        ready!(Sink::<I>::poll_flush(self.as_mut(), cx))?;
        self.project().io.poll_shutdown(cx).map_err(Into::into)
    }
}
