//! `ChainBody`: a chain as one frame.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};

use crate::chain::Chain;

/// A body of one data frame: the whole chain.
///
/// hyper sends head and body in one vectored write, up to 63 pieces, and each block goes home as
/// its last byte is written. The length is exact, so hyper sets Content-Length. For axum and other
/// code that wants `Data = Bytes` there is [`BytesBody`](super::BytesBody).
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::{Pool, http::ChainBody};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut page = pool.try_chain(1000)?;
/// page.put_slice(b"<h1>hello</h1>");
/// let body = ChainBody::new(page.freeze());
/// # use http_body::Body;
/// assert_eq!(body.size_hint().exact(), Some(14));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct ChainBody {
    chain: Chain,
}

impl ChainBody {
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

impl Body for ChainBody {
    type Data = Chain;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain>, Infallible>>> {
        Pin::new(&mut self.chain).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.chain.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.chain.size_hint()
    }
}

/// A chain is a body of itself: what is left of it.
impl Body for Chain {
    type Data = Chain;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain>, Infallible>>> {
        let chain = std::mem::take(&mut *self);
        Poll::Ready((!chain.is_empty()).then(|| Ok(Frame::data(chain))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

impl From<Chain> for ChainBody {
    fn from(chain: Chain) -> Self {
        Self::new(chain)
    }
}
