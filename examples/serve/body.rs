//! The bodies of responses.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, SizeHint};
use leasehold::{
    Chain,
    http::{ChainBody, ReaderBody, ReaderBodyError},
};
use tokio::{fs::File, time::timeout};

/// How long a client waits for the first block of a file before it is told to come back later. Once a response has begun, its
/// blocks may wait longer: cutting it off would waste what was sent.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// A page, a text or a file.
pub type ReplyBody = UnsyncBoxBody<Chain, ReaderBodyError>;

/// A body of these bytes.
pub fn of_chain(chain: impl Into<Chain>) -> ReplyBody {
    ChainBody::new(chain).map_err(|never| match never {}).boxed_unsync()
}

/// A file whose first block was read before the head is sent: while nothing is on its way, a lack of memory can still be said
/// with a status.
pub struct FileBody {
    first: Option<Frame<Chain>>,
    rest: ReaderBody<File>,
}

impl FileBody {
    /// Reads the first block.
    ///
    /// # Errors
    /// The file cannot be read, or no memory is to be had (`OutOfMemory` or `TimedOut`).
    pub async fn begin(mut rest: ReaderBody<File>) -> io::Result<ReplyBody> {
        let first = timeout(FIRST_WAIT, rest.frame()).await?.transpose().map_err(|error| match error.is_lease() {
            true => io::Error::new(io::ErrorKind::OutOfMemory, error),
            false => io::Error::other(error),
        })?;
        Ok(Self { first, rest }.boxed_unsync())
    }
}

impl Body for FileBody {
    type Data = Chain;
    type Error = ReaderBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain>, ReaderBodyError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    /// Exact, so that hyper sets Content-Length.
    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Chain::len) as u64;
        self.rest.size_hint().exact().map_or_else(SizeHint::default, |rest| SizeHint::with_exact(first + rest))
    }
}
