//! `FramedWrite`: frames that are written, as tokio-util's.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;
use tokio::io::AsyncWrite;
use tokio_util::codec::Encoder;

use super::{Framed, FramedParts};
use crate::pool::Account;

pin_project! {
    /// A transport and a tokio-util encoder as a [`Sink`] of frames. It replaces
    /// `tokio_util::codec::FramedWrite`.
    ///
    /// It writes as [`Framed`] does. As tokio-util's, it is a [`Stream`] of what the transport is a
    /// `Stream` of.
    ///
    /// # Examples
    /// ```
    /// use futures_util::SinkExt;
    /// use leasehold::codec::compat::FramedWrite;
    /// use tokio_util::codec::LinesCodec;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut lines = FramedWrite::new(Vec::new(), LinesCodec::new());
    /// lines.send("one").await?;
    /// assert_eq!(lines.get_ref(), b"one\n");
    /// assert_eq!(lines.write_buffer().capacity(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FramedWrite<T, E> {
        #[pin]
        inner: Framed<T, E>,
    }
}

impl<T, E> FramedWrite<T, E> {
    /// Writes frames to `io`. The buffer is charged to no account, until
    /// [`charge_to`](Self::charge_to) names one.
    pub fn new(io: T, encoder: E) -> Self {
        Self { inner: Framed::new(io, encoder) }
    }

    /// As [`new`](Self::new), with another
    /// [`backpressure_boundary`](Self::backpressure_boundary), as in tokio-util.
    pub fn with_capacity(io: T, encoder: E, capacity: usize) -> Self {
        Self { inner: Framed::with_capacity(io, encoder, capacity) }
    }

    /// Charges the buffer to an account, beginning with its next use.
    #[must_use]
    pub fn charge_to(self, account: &Account) -> Self {
        Self { inner: self.inner.charge_to(account) }
    }

    /// Takes it apart. No byte is lost, and no account is charged any more.
    pub fn into_parts(self) -> FramedParts<T, E> {
        self.inner.into_parts()
    }

    /// The transport alone. Bytes in the buffer are lost; [`into_parts`](Self::into_parts) keeps
    /// them.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        self.inner.get_ref()
    }

    /// The transport. Writes to it disturb the frames.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// The transport, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().inner.get_pin_mut()
    }

    /// The encoder.
    pub fn encoder(&self) -> &E {
        self.inner.codec()
    }

    /// The encoder.
    pub fn encoder_mut(&mut self) -> &mut E {
        self.inner.codec_mut()
    }

    /// The encoder of a pinned `FramedWrite`.
    pub fn encoder_pin_mut(self: Pin<&mut Self>) -> &mut E {
        self.project().inner.codec_pin_mut()
    }

    /// Goes on with another encoder. The buffered bytes are sent first.
    pub fn map_encoder<F>(self, map: impl FnOnce(E) -> F) -> FramedWrite<T, F> {
        FramedWrite { inner: self.inner.map_codec(map) }
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer(&self) -> &BytesMut {
        self.inner.write_buffer()
    }

    /// Bytes that were encoded and not sent.
    pub fn write_buffer_mut(&mut self) -> &mut BytesMut {
        self.inner.write_buffer_mut()
    }

    /// When this many bytes are queued, the sink sends before it takes another item. The default is
    /// 8 KiB.
    pub fn backpressure_boundary(&self) -> usize {
        self.inner.backpressure_boundary()
    }

    /// Changes the [`backpressure_boundary`](Self::backpressure_boundary).
    pub fn set_backpressure_boundary(&mut self, bytes: usize) {
        self.inner.set_backpressure_boundary(bytes);
    }
}

impl<T: AsyncWrite, I, E: Encoder<I>> Sink<I> for FramedWrite<T, E> {
    type Error = E::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        self.project().inner.poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), E::Error> {
        self.project().inner.start_send(item)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        Sink::<I>::poll_flush(self.project().inner, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E::Error>> {
        Sink::<I>::poll_close(self.project().inner, cx)
    }
}

/// What the transport is a stream of is received past the frames.
impl<T: Stream, E> Stream for FramedWrite<T, E> {
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.get_pin_mut().poll_next(cx)
    }
}
