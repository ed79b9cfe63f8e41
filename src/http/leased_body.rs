//! `LeasedBody`: any body, as chains of leased blocks.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{copying::Copying, frames_of_bytes::FramesOfBytes};
use crate::{
    chain::Chain,
    pool::{Account, LeaseError},
};

pin_project! {
    /// A body whose bytes are copied into leased blocks as they arrive, and are charged from then
    /// on.
    ///
    /// For requests that are read piece by piece, and whose bytes are kept or passed on. A slice of
    /// hyper's own frames that is kept would keep hyper's whole read buffer alive: up to 408 KiB of
    /// heap that no account sees. Trailers are passed on; length and end are those of the inner
    /// body.
    ///
    /// # Shape
    /// A frame of up to 64 KiB becomes one chain. Larger ones come in chains of 64 KiB, shorter
    /// ones where the limits of the account leave no room for that: a limit of one block is enough,
    /// if the reader lets go of each chain before it takes the next.
    ///
    /// # Waiting
    /// No block is leased before a frame has arrived. When memory is short, the frame stays in
    /// hyper's buffer until there are blocks for it; a large frame stays until its last chain is
    /// taken. hyper reads one frame more, and then stops reading.
    ///
    /// # Errors
    /// [`LeasedBodyError`]: the body failed, or there was no memory within the pool's `max_wait`. A
    /// lack of memory loses nothing: the next poll waits anew.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use leasehold::{Pool, http::LeasedBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let mut body = LeasedBody::new(Full::<Bytes>::from("hello"), &pool);
    /// while let Some(chain) = body.next_chain().await {
    ///     assert_eq!(chain?, *b"hello");
    /// }
    /// assert_eq!(pool.leased(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub struct LeasedBody<B: Body> {
        #[pin]
        body: B,
        // The rest of the frame that is being copied.
        data: Option<B::Data>,
        copying: Copying,
    }
}

impl<B: Body> LeasedBody<B> {
    /// Reads `body` into blocks that are charged to `account`.
    pub fn new(body: B, account: &Account) -> Self {
        Self { body, data: None, copying: Copying::new(account) }
    }

    /// Lets at most `bytes` of this body be out at a time, in an account of their own.
    ///
    /// For bodies that are passed on to a client that may be slow. Without it, chains that the
    /// client has not read yet fill the account that the body was made with. Then the next frame
    /// waits for memory, and fails after the pool's `max_wait`. With it, a client may read as
    /// slowly as its server lets it: a wait for the client has no deadline here. A limit below one
    /// block is a limit of one block. By default there is no limit but those of the account.
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use leasehold::{Pool, http::LeasedBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let large = Full::new(Bytes::from(vec![7; 1 << 20]));
    /// let mut body = LeasedBody::new(large, &pool).max_ahead(64 << 10);
    /// while let Some(chain) = body.next_chain().await {
    ///     drop(chain?); // sent
    /// }
    /// assert_eq!(pool.stats().peak, 64 << 10);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_ahead(mut self, bytes: usize) -> Self {
        // Nothing is in it: all that is copied is taken at once.
        if let Some(account) = self.copying.account() {
            self.copying = Copying::with_limit(account, bytes);
        }
        self
    }

    /// Turns the body into a body of `Data = Bytes`, for axum, tonic, tower-http and reqwest. Each
    /// block is a frame, and goes home when that is dropped.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, http::LeasedBody};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let incoming = http_body_util::Full::new(&b"hello"[..]);
    /// let body = LeasedBody::new(incoming, &pool).into_bytes_body();
    /// let response = http::Response::new(axum::body::Body::new(body)); // passed on
    /// # drop(response);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_bytes_body(self) -> impl Body<Data = Bytes, Error = LeasedBodyError>
    where
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        FramesOfBytes::new(self)
    }
}

impl<B> LeasedBody<B>
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Yields the next bytes, or none at the end. Trailers are dropped; [`Body::poll_frame`] yields
    /// them.
    ///
    /// # Errors
    /// As the frames: [`LeasedBodyError`].
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost. A wait for memory that was cancelled keeps its place and its
    /// deadline for the next call.
    pub async fn next_chain(&mut self) -> Option<Result<Chain, LeasedBodyError>> {
        loop {
            match poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => {
                    if let Ok(chain) = frame.into_data() {
                        return Some(Ok(chain));
                    }
                }
            }
        }
    }
}

impl<B> Body for LeasedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Chain;
    type Error = LeasedBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain>, LeasedBodyError>>> {
        let mut this = self.project();
        loop {
            if let Some(data) = this.data.as_mut().filter(|data| data.has_remaining()) {
                if let Err(error) = ready!(this.copying.poll_copy(cx, data, 0)) {
                    return Poll::Ready(Some(Err(error.into())));
                }
                this.data.take_if(|data| !data.has_remaining());
                return Poll::Ready(Some(Ok(Frame::data(this.copying.take()))));
            }
            match ready!(this.body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(LeasedBodyError::body(error)))),
                Some(Ok(frame)) => match frame.into_data().map_err(Frame::into_trailers) {
                    Ok(data) => *this.data = Some(data),
                    Err(Ok(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    Err(Err(_)) => {}
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0 && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, left) = (self.body.size_hint(), self.left());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(left));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint
    }
}

impl<B: Body> LeasedBody<B> {
    /// How many bytes of the frame that is being copied are left.
    fn left(&self) -> u64 {
        self.data.as_ref().map_or(0, Buf::remaining) as u64
    }
}

impl<B: Body + fmt::Debug> fmt::Debug for LeasedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedBody")
            .field("body", &self.body)
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}

/// Why a [`LeasedBody`] yielded no frame.
///
/// # Examples
/// A lack of memory loses nothing, so the body can be read on:
/// ```
/// use std::time::Duration;
/// use http_body_util::Full;
/// use leasehold::{Pool, http::LeasedBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder().budget(1 << 20).max_wait(Duration::from_millis(1)).build()?;
/// let mut body = LeasedBody::new(Full::new(&b"hello"[..]), &pool);
/// let others = std::iter::from_fn(|| pool.try_lease(1).ok()).collect::<Vec<_>>();
/// assert!(body.next_chain().await.unwrap().unwrap_err().is_lease());
/// drop(others);
/// assert_eq!(body.next_chain().await.transpose()?.unwrap(), *b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LeasedBodyError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Body(Box<dyn Error + Send + Sync>),
    Lease(LeaseError),
}

impl LeasedBodyError {
    fn body(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Body(error.into()) }
    }

    /// The inner body failed: its error is the [`source`](Error::source).
    pub fn is_body(&self) -> bool {
        matches!(self.kind, Kind::Body(_))
    }

    /// There was no memory: the [`LeaseError`] is the [`source`](Error::source). Nothing is lost.
    pub fn is_lease(&self) -> bool {
        matches!(self.kind, Kind::Lease(_))
    }
}

impl fmt::Display for LeasedBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Body(_) => write!(f, "reading the body failed"),
            Kind::Lease(_) => write!(f, "no memory to read the body into"),
        }
    }
}

impl Error for LeasedBodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Body(error) => Some(&**error),
            Kind::Lease(error) => Some(error),
        }
    }
}

impl From<LeaseError> for LeasedBodyError {
    fn from(error: LeaseError) -> Self {
        Self { kind: Kind::Lease(error) }
    }
}
