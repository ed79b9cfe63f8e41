//! `collect`: a body as one chain.

use std::{error::Error, fmt, future::poll_fn, pin::pin};

use bytes::Buf;
use http_body::{Body, SizeHint};

use super::copying::Copying;
use crate::{
    chain::Chain,
    pool::{Account, LeaseError},
};

/// What is made room for at first if the length is not known: most bodies are shorter.
const TO_COME_MIN: usize = 4 << 10;

/// Reads a whole body into a chain of blocks of `pool`, if it has at most `limit` bytes.
///
/// Each frame is copied and dropped at once: a slice of one that is kept pins the buffer that hyper
/// read it into, 408 KiB of heap that no account sees. Trailers are dropped;
/// [`LeasedBody`](super::LeasedBody) passes them on.
///
/// A length that the body announces is trusted to say no, and not to lease: memory grows with the
/// bytes that arrive, 64 KiB at once at most. The chain that is returned uses at least half of each
/// of its blocks, unless no smaller one would do or memory was short: 5 bytes hold the smallest
/// block.
///
/// # Waiting
/// Until a frame is there no block is leased for it. When memory is short, the frame that was read
/// is held until it comes, and pins hyper's buffer meanwhile; hyper reads one frame more, and then
/// no further. What was collected until then stays leased, so that many large uploads at once may
/// wait for each other until the first one fails: give them accounts with limits, or admit fewer.
///
/// # Errors
/// The body is longer than `limit` ([`CollectError::is_too_long`]): at once and unread if it
/// announces so. It failed ([`is_body`](CollectError::is_body)). No memory was to be had within the
/// pool's `max_wait`, or can ever be, under the limits of the account
/// ([`is_lease`](CollectError::is_lease)). What was read is lost, and its blocks are home.
///
/// # Cancel safety
/// Not cancel safe: what was read is lost. Its blocks go home.
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
    // Refused only while memory is short; then the last block stays as large as it is.
    let _ = chain.compact_untold(account);
    Ok(chain)
}

/// How many bytes to expect after the first `len`: as many again, within what the body says.
fn to_come(hint: &SizeHint, len: usize) -> usize {
    let (least, most) = (saturated(hint.lower()), hint.upper().map_or(usize::MAX, saturated));
    len.max(TO_COME_MIN).max(least).min(most)
}

fn saturated(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Why a body was not collected.
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

    /// No memory was to be had: the [`LeaseError`] is the [`source`](Error::source).
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
