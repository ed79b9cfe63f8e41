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
    /// A transport and a codec as one [`Stream`] and [`Sink`] of frames, in leased blocks.
    ///
    /// It is tokio-util's `Framed` over chains, with the same states and back-pressure. But it
    /// holds no block while nothing is read or sent, and frames of any length are split off and
    /// sent without copying. It reads as [`ChainReader`](crate::io::ChainReader) does, and writes
    /// up to 64 pieces with one call.
    ///
    /// # Stream
    /// The stream ends with `None` when the transport has ended and the decoder has no more frames.
    /// An error is followed by one `None`. If it is polled again, the stream goes on, because some
    /// transports can continue after their end or an error.
    ///
    /// # Sink
    /// An item waits for the transport when [`backpressure_boundary`](Self::backpressure_boundary)
    /// bytes are queued, and for memory if there is none for its head. `flush` sends it at the
    /// latest. A sink that is ready keeps the room for a head until something is sent.
    ///
    /// The memory that an item waits for must come from elsewhere. With an encoder that [asks for
    /// room](Encoder::head_room), an item waits until `max_wait` if its own blocks are all that its
    /// account may have. [`LengthDelimitedCodec`](super::LengthDelimitedCodec) and
    /// [`ChainCodec`](super::ChainCodec) ask for no room.
    ///
    /// # Delivery
    /// When `send` or `flush` returns, all that was taken before is written. `close` writes it too,
    /// and then shuts the transport down. A drop loses what is not written, and the stream may end
    /// within a frame.
    ///
    /// A failed write does not end the stream, and a failed read does not end the sink. Each goes
    /// on to its own end.
    ///
    /// # Errors
    /// Those of the codec. Those of the transport and [`LeaseError`](crate::LeaseError) come as
    /// [`std::io::Error`], turned into the codec's error.
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
    /// Frames `io`, in blocks that are charged to `account`. Nothing is leased yet.
    pub fn new(io: T, codec: C, account: &Account) -> Self {
        Self::from_parts(FramedParts::new(io, codec, account))
    }

    /// Goes on with the parts of another one, perhaps with another codec.
    pub fn from_parts(parts: FramedParts<T, C>) -> Self {
        Self {
            io: parts.io,
            codec: parts.codec,
            reading: Reading::new(parts.read_buf),
            writing: Writing::new(parts.write_buf),
        }
    }

    /// Takes it apart. No byte is lost.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use leasehold::{Pool, codec::{Framed, LinesCodec}};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (near, mut far) = tokio::io::duplex(64);
    /// far.write_all(b"UPGRADE\nraw bytes").await?;
    /// let mut lines = Framed::new(near, LinesCodec::new(), &pool);
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("UPGRADE"));
    ///
    /// let parts = lines.into_parts();
    /// assert_eq!(parts.read_buf.freeze(), *b"raw bytes");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_parts(self) -> FramedParts<T, C> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: self.reading.chain,
            write_buf: self.writing.chain,
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
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// The codec of a pinned `Framed`.
    pub fn codec_pin_mut(self: Pin<&mut Self>) -> &mut C {
        self.project().codec
    }

    /// Goes on with another codec. It decodes the buffered bytes first.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use leasehold::{Pool, codec::{ChainCodec, Framed, LinesCodec}};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (near, mut far) = tokio::io::duplex(64);
    /// far.write_all(b"UPGRADE\nraw bytes").await?;
    /// let mut lines = Framed::new(near, LinesCodec::new(), &pool);
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("UPGRADE"));
    ///
    /// let mut raw = lines.map_codec(|_| ChainCodec::new());
    /// assert_eq!(raw.next().await.transpose()?.expect("bytes"), *b"raw bytes");
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_codec<D>(self, map: impl FnOnce(C) -> D) -> Framed<T, D> {
        Framed {
            io: self.io,
            codec: map(self.codec),
            reading: self.reading.anew(),
            writing: self.writing,
        }
    }

    /// The bytes that were read and not decoded.
    pub fn read_buffer(&self) -> &ChainMut {
        &self.reading.chain
    }

    /// The bytes that were read and not decoded, to be changed.
    pub fn read_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.reading.chain
    }

    /// The bytes that were encoded and not sent.
    pub fn write_buffer(&self) -> &ChainMut {
        &self.writing.chain
    }

    /// The bytes that were encoded and not sent, to be changed.
    pub fn write_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.writing.chain
    }

    /// When this many bytes are queued, the sink sends before it takes another item. The default is
    /// 8 KiB.
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
