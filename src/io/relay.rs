//! `Relay`: two transports joined, for proxies.
//!
//! # Invariants
//! - BOUNDED: each direction reads only when all it had is written, and has an account with half of the relay's limit: whatever one
//!   of them is offered, and however long its writer takes nothing, the other one's half is left.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{intake::Intake, write::poll_write_buf};
use crate::{chain::ChainMut, pool::Pool};

/// What both directions of a relay may hold together: two reads of 256 KiB. Measured over loopback, reads of half that take a fifth more
/// processor time, and of a quarter two fifths: each read or write wakes a peer.
const LIMIT: usize = 512 << 10;

/// Copies both ways between two transports until both have ended: the future of [`copy_bidirectional`], with counts that can be read
/// at any time.
///
/// Bytes are read into leased blocks when they have arrived and written out of them, without being copied in between; while nothing
/// arrives, nothing is held. What it holds is charged to accounts of its own inside the pool, one a direction, with half of its limit
/// each: a peer that stops reading stops the reading from the other one, and nothing else. An end of one side is passed on by a shutdown
/// of the other; the opposite direction goes on.
///
/// Take the transports by value, or as `&mut TcpStream`.
///
/// # Errors
/// The first error of a read or a write ends both directions, and so does a lack of memory for longer than the pool's `wait_max`. The
/// transports can be had back by [`into_inner`](Self::into_inner), and the counts say what was written.
///
/// # Cancel safety
/// Resumable: dropping a `&mut Relay` future loses nothing. Dropping the relay loses what was read and not written.
///
/// # Examples
/// ```
/// use leasehold::{Pool, io::Relay};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let pool = Pool::new(8 << 20).unwrap();
/// let (mut client, inbound) = tokio::io::duplex(64);
/// let (outbound, mut server) = tokio::io::duplex(64);
/// client.write_all(b"hello").await?;
/// client.shutdown().await?;
/// server.write_all(b"hi").await?;
/// server.shutdown().await?;
///
/// let mut relay = Relay::new(inbound, outbound, &pool);
/// assert_eq!((&mut relay).await?, (5, 2));
/// let mut heard = String::new();
/// server.read_to_string(&mut heard).await?;
/// assert_eq!(heard, "hello");
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Relay<A, B> {
    a: A,
    b: B,
    a_to_b: Direction,
    b_to_a: Direction,
}

/// One direction of a relay.
struct Direction {
    account: Pool,
    chain: ChainMut,
    intake: Intake,
    written: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Copying,
    /// Copying, and the writer has bytes that may not have been flushed.
    Unflushed,
    /// The reader has ended, and the writer is to be told.
    Ending,
    Ended,
}

/// Copies both ways between two transports until both have ended: tokio's `copy_bidirectional` over leased blocks.
///
/// Returns how many bytes went from `a` to `b`, and from `b` to `a`. See [`Relay`], which also tells while it runs and after an error.
///
/// # Errors
/// As [`Relay`].
///
/// # Cancel safety
/// Not cancel safe: what was read and not written is lost.
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B, pool: &Pool) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    Relay::new(a, b, pool).await
}

impl<A, B> Relay<A, B> {
    /// Joins two transports, with at most 512 KiB in between.
    pub fn new(a: A, b: B, pool: &Pool) -> Self {
        Self::with_limit(a, b, pool, LIMIT)
    }

    /// Joins two transports, with at most `limit` bytes of blocks in between; at least 8 KiB.
    pub fn with_limit(a: A, b: B, pool: &Pool, limit: usize) -> Self {
        // Two of the smallest reads, in the blocks that the pool has for them.
        let limit = limit.max(2 * pool.block_len_for(4 << 10));
        Self { a, b, a_to_b: Direction::new(pool, limit / 2), b_to_a: Direction::new(pool, limit / 2) }
    }

    /// Bytes that were written to `b`.
    pub fn a_to_b(&self) -> u64 {
        self.a_to_b.written
    }

    /// Bytes that were written to `a`.
    pub fn b_to_a(&self) -> u64 {
        self.b_to_a.written
    }

    /// Bytes of blocks that are held now.
    pub fn leased(&self) -> usize {
        self.a_to_b.account.leased() + self.b_to_a.account.leased()
    }

    /// The transports. What was read and not written is lost.
    pub fn into_inner(self) -> (A, B) {
        (self.a, self.b)
    }
}

impl<A, B> Future for Relay<A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let to_b = this.a_to_b.poll(cx, &mut this.a, &mut this.b)?;
        let to_a = this.b_to_a.poll(cx, &mut this.b, &mut this.a)?;
        ready!(to_b);
        ready!(to_a);
        Poll::Ready(Ok((this.a_to_b.written, this.b_to_a.written)))
    }
}

impl Direction {
    fn new(pool: &Pool, limit: usize) -> Self {
        let account = pool.child("relay", limit);
        Self {
            chain: ChainMut::new(&account),
            account,
            intake: Intake::new().read_max(limit),
            written: 0,
            state: State::Copying,
        }
    }

    /// Ready once the reader has ended and the writer has been told.
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, reader: &mut R, writer: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while self.chain.has_remaining() {
                match ready!(poll_write_buf(Pin::new(&mut *writer), cx, &mut self.chain))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    count => self.written += count as u64,
                }
                self.state = State::Unflushed;
            }
            match self.state {
                State::Copying | State::Unflushed => {
                    let polled = self.intake.poll_read(cx, Pin::new(reader), &mut self.chain)?;
                    if polled.is_pending() && self.state == State::Unflushed {
                        // Nothing more for now: what a transport keeps back is to go out.
                        ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                        self.state = State::Copying;
                    }
                    if ready!(polled) == 0 {
                        self.state = State::Ending;
                    }
                }
                State::Ending => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<A, B> fmt::Debug for Relay<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("a_to_b", &self.a_to_b.written)
            .field("b_to_a", &self.b_to_a.written)
            .field("leased", &self.leased())
            .finish_non_exhaustive()
    }
}
