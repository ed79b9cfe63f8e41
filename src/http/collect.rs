//! `collect`: a body as one chain.

use std::{error::Error, fmt, future::poll_fn, pin::pin};

use bytes::Buf;
use http_body::{Body, SizeHint};

use super::copying::Copying;
use crate::{
    chain::Chain,
    pool::{Account, LeaseError},
};

/// The first lease for a body whose length is not known: most bodies are shorter.
const TO_COME_MIN: usize = 4 << 10;

/// Reads a whole body into leased blocks, if it has at most `limit` bytes. They are charged to
/// `account`.
///
/// Each frame is copied and dropped at once. A slice of a frame that is kept would keep hyper's
/// whole read buffer alive: up to 408 KiB of heap that no account sees. Trailers are dropped;
/// [`LeasedBody`](super::LeasedBody) passes them on.
///
/// An announced length can refuse a body; it never leases memory. Memory grows with the bytes that
/// arrive, by at most 64 KiB at once. The returned chain uses at least half of each of its blocks,
/// unless no smaller block would do or memory was short: 5 bytes hold a block of the smallest
/// class.
///
/// # Waiting
/// No block is leased for a frame before it has arrived. When memory is short, the frame stays in
/// hyper's buffer until there is a block for it; hyper reads one frame more, and then stops
/// reading. The bytes collected so far stay leased. Large uploads may therefore wait for each other
/// until the first one fails: give them accounts with limits, or admit fewer.
///
/// # Errors
/// [`CollectError`]. The body is longer than `limit` ([`is_too_long`](CollectError::is_too_long));
/// a body that announces more is refused unread. The body failed
/// ([`is_body`](CollectError::is_body)). There was no memory within the pool's `max_wait`, or the
/// limits of the account never leave room for it ([`is_lease`](CollectError::is_lease)). The bytes
/// that were read are lost, and their blocks go home.
///
/// # Cancel safety
/// Not cancel safe: the bytes that were read are lost. Their blocks go home.
///
/// # Panics
/// If it must wait for memory outside of a tokio runtime with time enabled.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use leasehold::{Pool, http::collect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let body = Full::<Bytes>::from("hello");
/// let chain = collect(body.clone(), &pool, 5).await?;
/// assert_eq!(chain, *b"hello");
/// assert_eq!(pool.leased(), 1 << 10);
///
/// let error = collect(body, &pool, 4).await.unwrap_err();
/// assert!(error.is_too_long());
/// # Ok(())
/// # }
/// ```
pub async fn collect<B>(body: B, account: &Account, limit: usize) -> Result<Chain, CollectError>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(body);
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(CollectError::too_long(limit, announced));
    }
    let limit_of_all = account.limit_of_all();
    if announced > limit_of_all as u64 {
        return Err(LeaseError::too_large(saturated(announced), limit_of_all).into());
    }
    let mut copying = Copying::new(account);
    loop {
        let frame = poll_fn(|cx| {
            let polled = body.as_mut().poll_frame(cx);
            if polled.is_pending() {
                copying.park();
            }
            polled
        });
        let Some(frame) = frame.await else { break };
        let Ok(mut data) = frame.map_err(CollectError::body)?.into_data() else { continue };
        let len = copying.len().saturating_add(data.remaining());
        if len > limit {
            return Err(CollectError::too_long(limit, len as u64));
        }
        let to_come = to_come(&body.size_hint(), len);
        while data.has_remaining() {
            poll_fn(|cx| copying.poll_copy(cx, &mut data, to_come)).await?;
        }
    }
    let mut chain = copying.take();
    // This fails only while memory is short. Then the last block stays as large as it is.
    let _ = chain.compact_untold(account);
    Ok(chain)
}

/// How many bytes to expect after the first `len`: as many again, within the bounds that the body
/// tells.
fn to_come(hint: &SizeHint, len: usize) -> usize {
    let (least, most) = (saturated(hint.lower()), hint.upper().map_or(usize::MAX, saturated));
    len.max(TO_COME_MIN).max(least).min(most)
}

fn saturated(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Why a body was not collected.
///
/// # Examples
/// ```
/// use std::error::Error;
/// use http_body_util::Full;
/// use leasehold::{LeaseError, Pool, http::collect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let small = pool.account("small", 4 << 10);
/// let body = || Full::new(&[0; 10_000][..]);
///
/// assert!(collect(body(), &pool, 9_999).await.unwrap_err().is_too_long());
///
/// let error = collect(body(), &small, 1 << 20).await.unwrap_err();
/// assert!(error.is_lease());
/// let cause = error.source().and_then(|cause| cause.downcast_ref::<LeaseError>());
/// assert!(cause.is_some_and(LeaseError::is_too_large)); // a wait would be in vain: 413, not 503
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CollectError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// `len` bytes have arrived or are announced; there may be more.
    TooLong {
        limit: usize,
        len: u64,
    },
    Body(Box<dyn Error + Send + Sync>),
    Lease(LeaseError),
}

impl CollectError {
    pub(super) fn too_long(limit: usize, len: u64) -> Self {
        Self { kind: Kind::TooLong { limit, len } }
    }

    fn body(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Body(error.into()) }
    }

    /// The body is longer than the limit.
    pub fn is_too_long(&self) -> bool {
        matches!(self.kind, Kind::TooLong { .. })
    }

    /// The body failed: its error is the [`source`](Error::source).
    pub fn is_body(&self) -> bool {
        matches!(self.kind, Kind::Body(_))
    }

    /// There was no memory: the [`LeaseError`] is the [`source`](Error::source).
    pub fn is_lease(&self) -> bool {
        matches!(self.kind, Kind::Lease(_))
    }
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::TooLong { limit, len } => {
                write!(f, "the body has {len} bytes or more, the limit is {limit}")
            }
            Kind::Body(_) => write!(f, "reading the body failed"),
            Kind::Lease(_) => write!(f, "no memory to collect the body in"),
        }
    }
}

impl Error for CollectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::TooLong { .. } => None,
            Kind::Body(error) => Some(&**error),
            Kind::Lease(error) => Some(error),
        }
    }
}

impl From<LeaseError> for CollectError {
    fn from(error: LeaseError) -> Self {
        Self { kind: Kind::Lease(error) }
    }
}
