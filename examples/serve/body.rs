//! The body of a file.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use leasehold::http::ReaderBodyError;
use tokio::time::timeout;
use tracing::warn;

/// How long a client waits for the first block of a file before it is told to come back later. Once
/// a response has begun, its blocks may wait longer: to cut it off would waste the part that was
/// sent.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// A file whose first block is read before the head is sent: until then a lack of memory can still
/// be answered with a status.
pub struct FileBody<B> {
    first: Option<Frame<Bytes>>,
    rest: B,
}

impl<B> FileBody<B>
where
    B: HttpBody<Data = Bytes, Error = ReaderBodyError> + Send + Unpin + 'static,
{
    /// Reads the first block.
    ///
    /// # Errors
    /// The file cannot be read, or there is no memory (`OutOfMemory` or `TimedOut`).
    pub async fn begin(mut rest: B) -> io::Result<Body> {
        let first = timeout(FIRST_WAIT, rest.frame()).await?.transpose().map_err(|error| {
            match error.is_lease() {
                true => io::Error::new(io::ErrorKind::OutOfMemory, error),
                false => io::Error::other(error),
            }
        })?;
        Ok(Body::new(Self { first, rest }))
    }
}

impl<B> HttpBody for FileBody<B>
where
    B: HttpBody<Data = Bytes, Error = ReaderBodyError> + Unpin,
{
    type Data = Bytes;
    type Error = ReaderBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReaderBodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let frame = ready!(Pin::new(&mut self.rest).poll_frame(cx));
        if let Some(Err(error)) = &frame {
            // The client only sees the connection end.
            warn!(%error, cause = error.source(), "a file was cut off");
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    /// Exact, so that Content-Length is set.
    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        self.rest
            .size_hint()
            .exact()
            .map_or_else(SizeHint::default, |rest| SizeHint::with_exact(first + rest))
    }
}
