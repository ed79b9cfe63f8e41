//! `Framed`: a transport as a stream and a sink of frames.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Decoder, Encoder, FramedParts, reading::Reading, writing::Writing};
use crate::{chain::ChainMut, pool::Account};

pin_project! {
    /// A transport and a codec as one [`Stream`] and [`Sink`] of frames, out of leased blocks.
    ///
    /// What tokio-util's `Framed` is to `BytesMut`, with its states and its back-pressure; but it
    /// holds no block while nothing is being read or sent, and frames of any length are split off
    /// and sent without copying. Reads as [`ChainReader`](crate::io::ChainReader) does, and writes
    /// up to 64 pieces with one call.
    ///
    /// # Stream
    /// Ends with `None` when the transport has ended and the decoder has no more frames. An error
    /// is followed by one `None`; polled again, the stream goes on: a transport that can continue
    /// after its end or an error may do so.
    ///
    /// # Sink
    /// An item waits for the transport once [`backpressure_boundary`](Self::backpressure_boundary)
    /// bytes are queued, and for memory if there is none for its head. It is sent at the latest by
    /// `flush`. A sink that is ready keeps the room for a head until something is sent.
    ///
    /// The wait for memory is for others. With an encoder that [asks for room](Encoder::head_room),
    /// an item whose own blocks are all that its account may have waits until `max_wait`;
    /// [`LengthDelimitedCodec`](super::LengthDelimitedCodec) and [`ChainCodec`](super::ChainCodec)
    /// ask for none.
    ///
    /// # Delivery
    /// `send` and `flush` have written all that was taken before. `close` has, too, and then shuts
    /// the transport down. A drop loses what is not written: the stream may end within a frame.
    ///
    /// A failed write does not end the stream, nor a failed read the sink: each goes on to its own
    /// end.
    ///
    /// # Errors
    /// Those of the codec; those of the transport and [`LeaseError`](crate::LeaseError), as
    /// [`std::io::Error`] into the codec's.
    ///
    /// # Cancel safety
    /// `next` and `flush` are cancel safe. A `send` that is dropped may or may not have taken its
    /// item.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use futures_util::{SinkExt, StreamExt};
    /// use leasehold::{Pool, codec::{Framed, LengthDelimitedCodec}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let pool = Pool::new(8 << 20).unwrap();
    /// let (near, far) = tokio::io::duplex(1 << 10);
    /// let mut near = Framed::new(near, LengthDelimitedCodec::new(), &pool);
    /// let mut far = Framed::new(far, LengthDelimitedCodec::new(), &pool);
    /// near.send(bytes::Bytes::from_static(b"hello")).await?;
    /// assert_eq!(far.next().await.unwrap()?, *b"hello");
    /// assert_eq!(pool.leased(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct Framed<T, C> {
        #[pin]
        io: T,
        codec: C,
        reading: Reading,
        writing: Writing,
    }
}

impl<T, C> Framed<T, C> {
    /// Frames of `io`, in blocks of `pool`.
    pub fn new(io: T, codec: C, account: &Account) -> Self {
        Self::from_parts(FramedParts::new(io, codec, account))
    }

    /// Goes on where another one was taken apart, perhaps with another codec.
    pub fn from_parts(parts: FramedParts<T, C>) -> Self {
        Self {
            io: parts.io,
            codec: parts.codec,
            reading: Reading::new(parts.read_buf),
            writing: Writing::new(parts.write_buf),
        }
    }

    /// Takes it apart. No byte is lost.
    pub fn into_parts(self) -> FramedParts<T, C> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: self.reading.chain,
            write_buf: self.writing.chain,
        }
    }

    /// The transport alone; bytes that are buffered are lost. [`into_parts`](Self::into_parts)
    /// keeps them.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The transport. Reading from it or writing to it disturbs the frames.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The transport, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// The codec of a pinned one.
    pub fn codec_pin_mut(self: Pin<&mut Self>) -> &mut C {
        self.project().codec
    }

    /// Goes on with another codec, which decodes what is buffered first.
    pub fn map_codec<D>(self, map: impl FnOnce(C) -> D) -> Framed<T, D> {
        Framed {
            io: self.io,
            codec: map(self.codec),
            reading: self.reading.anew(),
            writing: self.writing,
        }
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer(&self) -> &ChainMut {
        &self.reading.chain
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.reading.chain
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer(&self) -> &ChainMut {
        &self.writing.chain
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.writing.chain
    }

    /// While so many bytes are queued, the sink sends before it takes another item; 8 KiB by
    /// default.
    pub fn backpressure_boundary(&self) -> usize {
        self.writing.boundary()
    }

    /// Changes the [`backpressure_boundary`](Self::backpressure_boundary).
    pub fn set_backpressure_boundary(&mut self, bytes: usize) {
        self.writing.set_boundary(bytes);
    }
}

impl<T: AsyncRead, C: Decoder> Stream for Framed<T, C> {
    type Item = Result<C::Item, C::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.reading.poll_next(cx, this.io, this.codec)
    }
}

impl<T: AsyncWrite, I, C: Encoder<I>> Sink<I> for Framed<T, C> {
    type Error = C::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        let this = self.project();
        this.writing.poll_ready(cx, this.io, C::head_room(this.codec)).map_err(Into::into)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), C::Error> {
        let this = self.project();
        this.writing.start_send(item, this.codec)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        let this = self.project();
        this.writing.poll_flush(cx, this.io).map_err(Into::into)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        let this = self.project();
        this.writing.poll_close(cx, this.io).map_err(Into::into)
    }
}
