//! `FramedParts`: the parts of a framed transport.

use crate::{chain::ChainMut, pool::Account};

/// The parts of a [`Framed`](super::Framed): a transport, a codec, and the bytes between them.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use leasehold::{Pool, codec::{Framed, FramedParts, LinesCodec}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let (near, far) = tokio::io::duplex(64);
/// let mut parts = FramedParts::new(near, LinesCodec::new(), &pool);
/// parts.read_buf.push("read before\n");
/// let mut lines = Framed::from_parts(parts);
/// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("read before"));
/// # drop(far);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct FramedParts<T, C> {
    /// The transport.
    pub io: T,
    /// The codec.
    pub codec: C,
    /// The bytes that were read and not decoded.
    pub read_buf: ChainMut,
    /// The bytes that were encoded and not sent.
    pub write_buf: ChainMut,
}

impl<T, C> FramedParts<T, C> {
    /// Makes parts without any buffered bytes. The buffers lease from `account`.
    pub fn new(io: T, codec: C, account: &Account) -> Self {
        Self { io, codec, read_buf: ChainMut::new(account), write_buf: ChainMut::new(account) }
    }

    /// Makes the parts of a reading half. The other buffer is empty, and leases from the same
    /// account.
    pub(super) fn with_read_buf(io: T, codec: C, read_buf: ChainMut) -> Self {
        Self { io, codec, write_buf: read_buf.sibling(), read_buf }
    }

    /// As `with_read_buf`, for a writing half.
    pub(super) fn with_write_buf(io: T, codec: C, write_buf: ChainMut) -> Self {
        Self { io, codec, read_buf: write_buf.sibling(), write_buf }
    }
}
