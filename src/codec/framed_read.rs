//! `FramedRead`: a reader as a stream of frames.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::io::AsyncRead;

use super::{Decoder, FramedParts, reading::Reading};
use crate::{chain::ChainMut, pool::Account};

pin_project! {
    /// A reader and a decoder as a [`Stream`] of frames, in leased blocks.
    ///
    /// It is the reading half of [`Framed`](super::Framed), with the same states, errors and cancel
    /// safety. It holds no block while there is nothing to read.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use leasehold::{Pool, codec::{FramedRead, LengthDelimitedCodec}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let wire: &[u8] = b"\0\0\0\x05hello\0\0\0\x02hi";
    /// let frames = FramedRead::new(wire, LengthDelimitedCodec::new(), &pool);
    /// let frames: Vec<_> = frames.filter_map(|frame| async { frame.ok() }).collect().await;
    /// assert_eq!(frames[0], *b"hello");
    /// assert_eq!(frames[1], *b"hi");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FramedRead<T, D> {
        #[pin]
        io: T,
        decoder: D,
        reading: Reading,
    }
}

impl<T, D> FramedRead<T, D> {
    /// Frames `io`, in blocks that are charged to `account`. Nothing is leased yet.
    pub fn new(io: T, decoder: D, account: &Account) -> Self {
        Self { io, decoder, reading: Reading::new(ChainMut::new(account)) }
    }

    /// Takes it apart. No byte is lost, and the buffer for writing is empty.
    pub fn into_parts(self) -> FramedParts<T, D> {
        FramedParts::with_read_buf(self.io, self.decoder, self.reading.chain)
    }

    /// The reader alone. Bytes in the buffer are lost; [`into_parts`](Self::into_parts) keeps them.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The reader.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The reader. Reads from it disturb the frames.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The reader, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// The decoder.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// The decoder.
    pub fn decoder_mut(&mut self) -> &mut D {
        &mut self.decoder
    }

    /// The decoder of a pinned `FramedRead`.
    pub fn decoder_pin_mut(self: Pin<&mut Self>) -> &mut D {
        self.project().decoder
    }

    /// Goes on with another decoder. It decodes the buffered bytes first.
    pub fn map_decoder<E>(self, map: impl FnOnce(D) -> E) -> FramedRead<T, E> {
        FramedRead { io: self.io, decoder: map(self.decoder), reading: self.reading.anew() }
    }

    /// The bytes that were read and not decoded.
    pub fn read_buffer(&self) -> &ChainMut {
        &self.reading.chain
    }

    /// The bytes that were read and not decoded, to be changed.
    pub fn read_buffer_mut(&mut self) -> &mut ChainMut {
        &mut self.reading.chain
    }
}

impl<T: AsyncRead, D: Decoder> Stream for FramedRead<T, D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.reading.poll_next(cx, this.io, this.decoder)
    }
}
