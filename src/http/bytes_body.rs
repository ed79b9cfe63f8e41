//! `BytesBody`: a chain as frames of `Bytes`.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::chain::Chain;

/// A body of one data frame per piece of the chain, as [`Bytes`].
///
/// For code that wants `Data = Bytes`: `axum::body::Body::new`, tonic, the layers of tower-http.
/// Each frame costs one small allocation and no copy. hyper queues up to 16 frames for one write,
/// so chains of blocks of 64 KiB or more suit it best. On plain hyper,
/// [`ChainBody`](super::ChainBody) is cheaper.
///
/// # Examples
/// ```
/// use axum::response::Response;
/// use bytes::BufMut;
/// use leasehold::{Pool, http::BytesBody};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut page = pool.try_chain(1000)?;
/// page.put_slice(b"<h1>hello</h1>");
/// let body = axum::body::Body::new(BytesBody::new(page.freeze()));
/// let response = Response::builder().header("content-type", "text/html").body(body)?;
/// assert_eq!(pool.leased(), 1 << 10);
/// drop(response); // sent, or its client is gone
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct BytesBody {
    chain: Chain,
}

impl BytesBody {
    /// A body of these bytes.
    pub fn new(chain: impl Into<Chain>) -> Self {
        Self { chain: chain.into() }
    }

    /// A body of no bytes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The bytes that no frame has taken yet.
    pub fn into_inner(self) -> Chain {
        self.chain
    }
}

impl Body for BytesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let segment = self.chain.pop_front();
        Poll::Ready(segment.map(|segment| Ok(Frame::data(segment.into_bytes()))))
    }

    fn is_end_stream(&self) -> bool {
        self.chain.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.chain.len() as u64)
    }
}

impl From<Chain> for BytesBody {
    fn from(chain: Chain) -> Self {
        Self::new(chain)
    }
}
