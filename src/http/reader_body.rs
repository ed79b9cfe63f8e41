//! `ReaderBody`: any reader as a body, a few leased blocks ahead of the client.
//!
//! # Invariants
//! - AHEAD: all blocks of one body are charged to an account of its own, with a limit of `ahead`
//!   blocks: blocks that are being read, are queued in hyper, or are being written. A client that
//!   stops reading holds no more than that. The next block is read when one was written.
//! - NOT-READY: no block is held while the reader is not ready; it is given back on `Pending`
//!   (LATE).

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::io::AsyncRead;

use super::frames_of_bytes::FramesOfBytes;
use crate::{
    chain::Chain,
    io::poll_read_buf,
    pool::{Account, BlockMut, LeaseError, LeaseFuture},
};

/// Measured on loopback, a mebibyte costs 38 us in calls of 64 KiB and 36 us in one: larger blocks
/// gain nothing.
const BLOCK_LEN: usize = 64 << 10;

/// A client that reads nothing for this long is gone. Servers have limits of their own, far below.
/// This limit only ends a wait that would be endless.
const CLIENT_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Two blocks on their way to the client, one in hyper's queue, one being read.
const AHEAD: usize = 4;

/// A body that reads from any [`AsyncRead`] into leased blocks, one frame per block.
///
/// It is at most `ahead` blocks (4 of 64 KiB) ahead of the client, waits for memory when the pool
/// is short, and gives its blocks back when it is dropped or the client goes away. A client may
/// read as slowly as the server lets it: a wait for the client is no lack of memory, and has no
/// deadline here.
///
/// A reader may have memory of its own. `tokio::fs::File` keeps up to `set_max_buf_size` bytes (2
/// MiB by default) on the heap for each open file, outside the budget.
///
/// With a known length ([`sized`](Self::sized)) hyper sets Content-Length; the body reads no more
/// than that, and fails if the reader ends early. Without one ([`new`](Self::new)) the response is
/// chunked.
///
/// # Errors
/// [`ReaderBodyError`]: the reader failed or ended early, or there was no memory within the pool's
/// `max_wait`. hyper then closes the connection, so that the client notices.
///
/// # Examples
/// ```
/// use http_body_util::BodyExt;
/// use leasehold::{Pool, http::ReaderBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let file = tokio::fs::File::open("Cargo.toml").await?;
/// let len = file.metadata().await?.len();
/// let body = ReaderBody::sized(file, len, &pool).ahead(2); // at most two blocks at a time
/// assert_eq!(body.into_bytes_body().collect().await?.to_bytes().len() as u64, len);
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
pub struct ReaderBody<R> {
    reader: R,
    account: Account,
    lease: Option<LeaseFuture>,
    /// Whether `lease` waits for the client to read on, and not for memory.
    waits_for_client: bool,
    /// Bytes still to come, if that is known.
    left: Option<u64>,
    is_done: bool,
    block_len: usize,
}

impl<R: AsyncRead + Unpin> ReaderBody<R> {
    /// A body that ends where the reader ends; the response is chunked. Blocks are charged to
    /// `pool`.
    pub fn new(reader: R, pool: &Account) -> Self {
        Self::with_left(reader, None, pool)
    }

    /// A body of exactly `len` bytes of the reader; hyper sends them as Content-Length.
    pub fn sized(reader: R, len: u64, pool: &Account) -> Self {
        Self::with_left(reader, Some(len), pool)
    }

    fn with_left(reader: R, left: Option<u64>, pool: &Account) -> Self {
        let block_len = pool.block_len_for(BLOCK_LEN);
        Self {
            reader,
            account: pool.account("reader body", AHEAD * block_len),
            lease: None,
            waits_for_client: false,
            left,
            is_done: left == Some(0),
            block_len,
        }
    }

    /// Reads at most `blocks` blocks ahead of the client; 4 by default, at least 1.
    #[must_use]
    pub fn ahead(self, blocks: usize) -> Self {
        self.account.set_limit(blocks.max(1).saturating_mul(self.block_len));
        self
    }

    /// The reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Turns the body into a body of `Data = Bytes`, for axum, tonic and tower-http.
    pub fn into_bytes_body(self) -> impl Body<Data = Bytes, Error = ReaderBodyError> + Send
    where
        R: Send + 'static,
    {
        FramesOfBytes::new(self)
    }

    /// How many bytes to read next.
    fn wanted(&self) -> usize {
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        self.block_len.min(left)
    }

    /// Leases the next block. The wait for the client has no limit here. The wait for memory is at
    /// most the pool's `max_wait`, and begins when the client has read on.
    fn poll_memory(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<BlockMut, LeaseError>> {
        let is_ahead =
            self.account.leased() + self.account.block_len_for(wanted) > self.account.limit();
        if self.waits_for_client && !is_ahead {
            self.lease = None;
            self.waits_for_client = false;
        } else if self.lease.is_none() && is_ahead {
            self.lease = Some(self.account.lease_timeout(wanted, CLIENT_WAIT));
            self.waits_for_client = true;
        }
        let block = ready!(self.account.poll_lease(cx, &mut self.lease, wanted));
        self.waits_for_client = false;
        Poll::Ready(block)
    }

    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Result<BlockMut, ReaderBodyError>> {
        let wanted = self.wanted();
        let mut block = ready!(self.poll_memory(cx, wanted))?;
        loop {
            let missing = wanted - block.len();
            let mut room = (&mut block).limit(missing);
            match poll_read_buf(Pin::new(&mut self.reader), cx, &mut room) {
                Poll::Pending if block.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Ok(block)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Ready(Ok(0)) => {
                    self.is_done = true;
                    return Poll::Ready(Ok(block));
                }
                Poll::Ready(Ok(_)) if block.len() == wanted => return Poll::Ready(Ok(block)),
                Poll::Ready(Ok(_)) => {}
            }
        }
    }

    /// The bytes of a block as a frame. A few bytes are copied out of a large block (NO-PIN), if a
    /// small one is free.
    fn frame_of(&mut self, block: BlockMut) -> Chain {
        let mut chain = Chain::from(block);
        // Without room for a small block the large one goes out, and comes home as soon.
        let room = self.account.limit_of_all().saturating_sub(self.account.leased());
        if self.account.chain_capacity(chain.len()) <= room {
            let _ = chain.compact_untold(&self.account);
        }
        chain
    }
}

impl<R: AsyncRead + Unpin> Body for ReaderBody<R> {
    type Data = Chain;
    type Error = ReaderBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain>, ReaderBodyError>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let block = match ready!(self.poll_block(cx)) {
            Ok(block) => block,
            Err(error) => {
                self.is_done = true;
                return Poll::Ready(Some(Err(error)));
            }
        };
        if let Some(left) = &mut self.left {
            *left -= block.len() as u64;
            let missing = *left;
            match (missing, self.is_done) {
                (0, _) => self.is_done = true,
                (_, true) => return Poll::Ready(Some(Err(ReaderBodyError::ended_early(missing)))),
                (_, false) => {}
            }
        }
        let chain = self.frame_of(block);
        Poll::Ready((!chain.is_empty()).then(|| Ok(Frame::data(chain))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<R: fmt::Debug> fmt::Debug for ReaderBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderBody")
            .field("reader", &self.reader)
            .field("left", &self.left)
            .field("is_done", &self.is_done)
            .finish_non_exhaustive()
    }
}

/// Why a [`ReaderBody`] ended before its end.
///
/// # Examples
/// ```
/// use http_body_util::BodyExt;
/// use leasehold::{Pool, http::ReaderBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let cut_short = &b"a file that was truncated"[..];
/// let error = ReaderBody::sized(cut_short, 1000, &pool).collect().await.unwrap_err();
/// assert!(error.is_ended_early());
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReaderBodyError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Read(io::Error),
    Lease(LeaseError),
    EndedEarly { missing: u64 },
}

impl ReaderBodyError {
    fn ended_early(missing: u64) -> Self {
        Self { kind: Kind::EndedEarly { missing } }
    }

    /// The reader failed.
    pub fn is_read(&self) -> bool {
        matches!(self.kind, Kind::Read(_))
    }

    /// There was no memory.
    pub fn is_lease(&self) -> bool {
        matches!(self.kind, Kind::Lease(_))
    }

    /// The reader ended before the announced length.
    pub fn is_ended_early(&self) -> bool {
        matches!(self.kind, Kind::EndedEarly { .. })
    }
}

impl fmt::Display for ReaderBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Read(_) => write!(f, "reading the body failed"),
            Kind::Lease(_) => write!(f, "no memory to read the body into"),
            Kind::EndedEarly { missing } => {
                write!(f, "the reader ended {missing} bytes before the announced length")
            }
        }
    }
}

impl std::error::Error for ReaderBodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Read(error) => Some(error),
            Kind::Lease(error) => Some(error),
            Kind::EndedEarly { .. } => None,
        }
    }
}

impl From<io::Error> for ReaderBodyError {
    fn from(error: io::Error) -> Self {
        Self { kind: Kind::Read(error) }
    }
}

impl From<LeaseError> for ReaderBodyError {
    fn from(error: LeaseError) -> Self {
        Self { kind: Kind::Lease(error) }
    }
}
