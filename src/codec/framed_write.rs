//! `FramedWrite`: a writer as a sink of frames.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_sink::Sink;
use pin_project_lite::pin_project;
use tokio::io::AsyncWrite;

use super::{Encoder, FramedParts, writing::Writing};
use crate::{chain::ChainMut, pool::Account};

pin_project! {
    /// A writer and an encoder as a [`Sink`] of frames, in leased blocks.
    ///
    /// It is the writing half of [`Framed`](super::Framed), with the same back-pressure, errors and
    /// cancel safety. It holds no block when all is flushed.
    ///
    /// # Examples
    /// ```
    /// use futures_util::SinkExt;
    /// use leasehold::{Pool, codec::{FramedWrite, LengthDelimitedCodec}};
    /// use tokio::io::AsyncReadExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (near, mut far) = tokio::io::duplex(64);
    /// let mut frames = FramedWrite::new(near, LengthDelimitedCodec::new(), &pool);
    /// frames.send(bytes::Bytes::from("hello")).await?;
    /// let mut wire = [0; 9];
    /// far.read_exact(&mut wire).await?;
    /// assert_eq!(&wire, b"\0\0\0\x05hello");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FramedWrite<T, E> {
        #[pin]
        io: T,
        encoder: E,
        writing: Writing,
    }
}

impl<T, E> FramedWrite<T, E> {
    /// Frames items into `io`, in blocks that are charged to `account`. Nothing is leased yet.
    pub fn new(io: T, encoder: E, account: &Account) -> Self {
        Self { io, encoder, writing: Writing::new(ChainMut::new(account)) }
    }

    /// Takes it apart. No byte is lost, and the buffer for reading is empty.
    pub fn into_parts(self) -> FramedParts<T, E> {
        FramedParts::with_write_buf(self.io, self.encoder, self.writing.chain)
    }

    /// The writer alone. Bytes in the buffer are lost; [`into_parts`](Self::into_parts) keeps them.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The writer.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The writer. Writes to it disturb the frames.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The writer, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The encoder.
    pub fn encoder_mut(&mut self) -> &mut E {
        &mut self.encoder
    }

    /// The encoder of a pinned `FramedWrite`.
    pub fn encoder_pin_mut(self: Pin<&mut Self>) -> &mut E {
        self.project().encoder
    }

    /// Goes on with another encoder. The buffered bytes stay.
    pub fn map_encoder<F>(self, map: impl FnOnce(E) -> F) -> FramedWrite<T, F> {
        FramedWrite { io: self.io, encoder: map(self.encoder), writing: self.writing }
    }

    /// The bytes that were encoded and not sent.
    pub fn write_buffer(&self) -> &ChainMut {
        &self.writing.chain
    }

    /// The bytes that were encoded and not sent, to be changed.
    pub fn write_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.writing.chain
    }

    /// See [`Framed::backpressure_boundary`](super::Framed::backpressure_boundary).
    pub fn backpressure_boundary(&self) -> usize {
        self.writing.boundary()
    }

    /// See [`Framed::set_backpressure_boundary`](super::Framed::set_backpressure_boundary).
    pub fn set_backpressure_boundary(&mut self, bytes: usize) {
        self.writing.set_boundary(bytes);
    }
}

impl<T: AsyncWrite, I, E: Encoder<I>> Sink<I> for FramedWrite<T, E> {
    type Error = E::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        let this = self.project();
        this.writing.poll_ready(cx, this.io, E::head_room(this.encoder)).map_err(Into::into)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), E::Error> {
        let this = self.project();
        this.writing.start_send(item, this.encoder)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        let this = self.project();
        this.writing.poll_flush(cx, this.io).map_err(Into::into)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        let this = self.project();
        this.writing.poll_close(cx, this.io).map_err(Into::into)
    }
}
