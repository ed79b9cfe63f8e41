//! `FramedRead`: frames that are read, as tokio-util's.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;
use tokio::io::AsyncRead;
use tokio_util::codec::Decoder;

use super::{Framed, FramedParts};
use crate::pool::Account;

pin_project! {
    /// A transport and a tokio-util decoder as a [`Stream`] of frames. It replaces
    /// `tokio_util::codec::FramedRead`.
    ///
    /// It reads as [`Framed`] does. As tokio-util's, it is a [`Sink`] of what the transport is a
    /// `Sink` of.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use leasehold::codec::compat::FramedRead;
    /// use tokio_util::codec::LinesCodec;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut lines = FramedRead::new(&b"one\ntwo\n"[..], LinesCodec::new());
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("one"));
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("two"));
    /// assert!(lines.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FramedRead<T, D> {
        #[pin]
        inner: Framed<T, D>,
    }
}

impl<T, D> FramedRead<T, D> {
    /// Reads frames from `io`. The buffer is charged to no account, until
    /// [`charge_to`](Self::charge_to) names one.
    pub fn new(io: T, decoder: D) -> Self {
        Self { inner: Framed::new(io, decoder) }
    }

    /// As [`new`](Self::new), but the buffer begins with `capacity` bytes; 8 KiB by default.
    pub fn with_capacity(io: T, decoder: D, capacity: usize) -> Self {
        Self { inner: Framed::with_capacity(io, decoder, capacity) }
    }

    /// Charges the buffer to an account, beginning with its next use.
    #[must_use]
    pub fn charge_to(self, account: &Account) -> Self {
        Self { inner: self.inner.charge_to(account) }
    }

    /// Takes it apart. No byte is lost, and no account is charged any more.
    pub fn into_parts(self) -> FramedParts<T, D> {
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

    /// The transport. Reads from it disturb the frames.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// The transport, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().inner.get_pin_mut()
    }

    /// The decoder.
    pub fn decoder(&self) -> &D {
        self.inner.codec()
    }

    /// The decoder.
    pub fn decoder_mut(&mut self) -> &mut D {
        self.inner.codec_mut()
    }

    /// The decoder of a pinned `FramedRead`.
    pub fn decoder_pin_mut(self: Pin<&mut Self>) -> &mut D {
        self.project().inner.codec_pin_mut()
    }

    /// Goes on with another decoder. It decodes the buffered bytes first.
    pub fn map_decoder<E>(self, map: impl FnOnce(D) -> E) -> FramedRead<T, E> {
        FramedRead { inner: self.inner.map_codec(map) }
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer(&self) -> &BytesMut {
        self.inner.read_buffer()
    }

    /// Bytes that were read and not decoded.
    pub fn read_buffer_mut(&mut self) -> &mut BytesMut {
        self.inner.read_buffer_mut()
    }
}

impl<T: AsyncRead, D: Decoder> Stream for FramedRead<T, D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().inner.poll_next(cx)
    }
}

/// What the transport is a sink of is sent past the frames.
impl<T: Sink<I>, I, D> Sink<I> for FramedRead<T, D> {
    type Error = T::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        self.get_pin_mut().poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), T::Error> {
        self.get_pin_mut().start_send(item)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        self.get_pin_mut().poll_close(cx)
    }
}
