//! `Relay`: two transports joined, for proxies.
//!
//! # Invariants
//! - HALF-EACH: each direction reads only when all that it had is written, and it has an account
//!   with half of the relay's limit. So the other direction keeps its half, even if this one is
//!   offered much and its writer takes nothing.
//! - TOLD-APART: an error ends the direction that has it. The other one goes on to its own end, or
//!   until it has been silent for `linger_timeout`. The first error is what the relay returns.
//! - LINGER: if the bytes of a side are no longer wanted, they are read and dropped until the side
//!   has had time to receive what was written to it. A socket that is closed with unread bytes is
//!   reset, and its peer may lose what it was sent.

mod direction;
mod patience;

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use self::{
    direction::{Direction, DirectionState},
    patience::{Patience, Wait},
};
use crate::pool::Account;

/// What both directions of a relay may hold together: two reads of 256 KiB. Measured over loopback:
/// with half of that a relay takes a fifth more processor time, with a quarter two fifths more,
/// because each read or write wakes a peer.
const LIMIT: usize = 512 << 10;

/// The most bytes of a side that are dropped after the last byte was written to it. Many clients
/// send a whole upload before they read; until then the response waits in our kernel, if it does
/// not fit into theirs. A client with an upload of this length still gets its response. A download
/// that was given up costs no more than this.
const DRAINED_MAX: u64 = 256 << 20;

/// Copies both ways between two transports until both have ended. It is the future of
/// [`copy_bidirectional`], with counts that can be read at any time.
///
/// Bytes are read into leased blocks when they have arrived, and written from them without a copy.
/// While nothing arrives, nothing is held. The blocks are charged to two accounts of the relay
/// inside the given one, one for each direction, with half of the relay's limit each. So a peer
/// that stops reading stops the reading from the other peer, and nothing else. The end of one side
/// is passed on by a shutdown of the other, and the opposite direction goes on.
///
/// Take the transports by value, or as `&mut TcpStream`.
///
/// # Failures
/// An error ends its own direction, and the other one goes on. So a server that refuses an upload
/// and closes is heard to the end, although the upload fails.
///
/// | what fails | that direction | the opposite direction |
/// |---|---|---|
/// | a write to a side | drops what the reader still sends | reads all that the side has sent, to its end |
/// | a read of a side | writes what came before; then a bare socket is shut down | goes on to its end |
/// | a read, because the connection was reset | the same | writes what has arrived, then drops the rest |
/// | a wait for memory | as a failed read | goes on to its end |
///
/// A side whose bytes are dropped is read until it ends, but for no longer than
/// [`linger_timeout`](Self::linger_timeout) after the last byte was written to it, and for at most
/// 256 MiB. A direction that goes on after a failure ends when it has been silent for the same
/// time.
///
/// # Timeouts
/// A relay with two silent sides waits for ever, unless [`idle_timeout`](Self::idle_timeout) or
/// [`half_open_timeout`](Self::half_open_timeout) is set.
///
/// # Errors
/// The first error of a read, of a write, or of a wait for memory that was longer than the pool's
/// `max_wait`. It is returned when both directions are over. An error of kind `TimedOut` means that
/// a timeout has passed; its text names the timeout. After an error,
/// [`into_inner`](Self::into_inner) returns the transports, and the counts say what was written.
///
/// # Cancel safety
/// Resumable. Dropping a `&mut Relay` future loses nothing. Dropping the relay loses what was read
/// and not written.
///
/// # Panics
/// If a timeout is set, a direction goes on after an error, or it must wait for memory, outside of
/// a tokio runtime with time enabled.
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
    /// When the first direction ended or failed. If there was a failure, when that was.
    changed: Option<Instant>,
    failure: Option<io::Error>,
    patience: Patience,
}

/// Copies both ways between two transports until both have ended. This is tokio's
/// `copy_bidirectional` over leased blocks.
///
/// Returns how many bytes went from `a` to `b`, and from `b` to `a`. [`Relay`] also has these
/// counts while it runs and after an error, and has timeouts.
///
/// # Errors
/// As [`Relay`].
///
/// # Cancel safety
/// Not cancel safe. Bytes that were read and not written are lost.
///
/// # Panics
/// As [`Relay`].
///
/// # Examples
/// ```
/// use leasehold::{Pool, io::copy_bidirectional};
/// use tokio::io::AsyncWriteExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let (mut client, mut inbound) = tokio::io::duplex(64);
/// let (mut outbound, mut server) = tokio::io::duplex(64);
/// client.write_all(b"hello").await?;
/// client.shutdown().await?;
/// server.shutdown().await?;
/// let counts = copy_bidirectional(&mut inbound, &mut outbound, &pool).await?;
/// assert_eq!(counts, (5, 0));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(
    a: &mut A,
    b: &mut B,
    pool: &Account,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    Relay::new(a, b, pool).await
}

impl<A, B> Relay<A, B> {
    /// Joins two transports. The relay holds at most 512 KiB, charged inside `account`.
    pub fn new(a: A, b: B, pool: &Account) -> Self {
        Self::with_limit(a, b, pool, LIMIT)
    }

    /// Joins two transports. The relay holds at most `limit` bytes of blocks, charged inside
    /// `account`. The limit is at least 8 KiB.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, io::Relay};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (mut client, inbound) = tokio::io::duplex(1 << 20);
    /// let (outbound, _server) = tokio::io::duplex(64); // it reads nothing
    /// client.write_all(&[0; 100_000]).await?;
    ///
    /// let relay = Relay::with_limit(inbound, outbound, &pool, 32 << 10);
    /// let running = tokio::spawn(relay);
    /// tokio::task::yield_now().await;
    /// assert!(pool.leased() <= 32 << 10);
    /// running.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_limit(a: A, b: B, pool: &Account, limit: usize) -> Self {
        // Two of the smallest reads, in the blocks of the pool that hold them.
        let limit = limit.max(2 * pool.block_len_for(4 << 10));
        Self {
            a,
            b,
            a_to_b: Direction::new(pool, limit / 2),
            b_to_a: Direction::new(pool, limit / 2),
            changed: None,
            failure: None,
            patience: Patience::default(),
        }
    }

    /// Ends the relay when no byte has moved in either direction for this long. By default it never
    /// does.
    ///
    /// The time is measured from the last byte that a side took. So a peer that stops reading is
    /// silent too.
    ///
    /// # Examples
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// use leasehold::{Pool, io::Relay};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let pool = Pool::new(8 << 20).unwrap();
    /// let (_client, inbound) = tokio::io::duplex(64);
    /// let (outbound, _server) = tokio::io::duplex(64);
    /// let relay = Relay::new(inbound, outbound, &pool).idle_timeout(Duration::from_millis(20));
    /// assert_eq!(relay.await.unwrap_err().kind(), ErrorKind::TimedOut);
    /// # }
    /// ```
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.patience.set_idle(timeout);
        self
    }

    /// Ends the relay when one direction has ended, and the other has moved no byte for this long.
    /// By default it never does.
    ///
    /// It ends a tunnel whose client is gone and whose server sends nothing.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, io::Relay};
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (client, inbound) = tokio::io::duplex(64);
    /// let (outbound, _silent_server) = tokio::io::duplex(64);
    /// drop(client);
    /// let timeout = Duration::from_millis(20);
    /// let ended = Relay::new(inbound, outbound, &pool).half_open_timeout(timeout).await;
    /// assert!(ended.is_err_and(|error| error.kind() == ErrorKind::TimedOut));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "half_closed_timeout")]
    pub fn half_open_timeout(mut self, timeout: Duration) -> Self {
        self.patience.set_half_open(timeout);
        self
    }

    /// How long the rest may take after an error. The default is 10 s.
    ///
    /// It bounds how long the direction that goes on may be silent, and how long the bytes of a
    /// side are dropped after the last byte was written to it (see [Failures](Self#failures)).
    pub fn linger_timeout(mut self, timeout: Duration) -> Self {
        self.patience.set_linger(timeout);
        self
    }

    /// The number of bytes that were written to `b`.
    pub fn a_to_b(&self) -> u64 {
        self.a_to_b.written
    }

    /// The number of bytes that were written to `a`.
    pub fn b_to_a(&self) -> u64 {
        self.b_to_a.written
    }

    /// The number of bytes of blocks that are held now.
    pub fn leased(&self) -> usize {
        self.a_to_b.account.leased() + self.b_to_a.account.leased()
    }

    /// Returns the transports. Bytes that were read and not written are lost.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, io::Relay};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (mut client, inbound) = tokio::io::duplex(64);
    /// let (outbound, server) = tokio::io::duplex(64);
    /// client.shutdown().await?;
    /// drop(server);
    /// let mut relay = Relay::new(inbound, outbound, &pool);
    /// (&mut relay).await?;
    /// assert_eq!((relay.a_to_b(), relay.b_to_a()), (0, 0));
    /// let (mut inbound, _outbound) = relay.into_inner();
    /// inbound.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
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
        // Each direction may wait for a change that the other has just made.
        while this.poll_both(cx) {}
        if this.a_to_b.is_over() && this.b_to_a.is_over() {
            let moved = (this.a_to_b.written, this.b_to_a.written);
            return Poll::Ready(this.failure.take().map_or(Ok(moved), Err));
        }
        let waits = this.waits();
        this.patience
            .poll_over(cx, waits.into_iter().flatten())
            .map(|late| Err(this.failure.take().unwrap_or(late)))
    }
}

impl<A, B> Relay<A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    /// Polls both directions. Returns whether one of them has changed its state.
    fn poll_both(&mut self, cx: &mut Context<'_>) -> bool {
        let (before, written) = (self.stages(), (self.a_to_b.written, self.b_to_a.written));
        let to_b = self.a_to_b.poll(cx, &mut self.a, &mut self.b, self.b_to_a.is_reader_gone);
        let to_a = self.b_to_a.poll(cx, &mut self.b, &mut self.a, self.a_to_b.is_reader_gone);
        for polled in [to_b, to_a] {
            if let Poll::Ready(Err(error)) = polled
                && self.failure.is_none()
            {
                (self.failure, self.changed) = (Some(error), Some(Instant::now()));
            }
        }
        self.b_to_a.drained *= u64::from(self.a_to_b.written == written.0);
        self.a_to_b.drained *= u64::from(self.b_to_a.written == written.1);
        stop_draining(&mut self.a_to_b, &self.b_to_a);
        stop_draining(&mut self.b_to_a, &self.a_to_b);
        let has_changed = self.stages() != before;
        if has_changed {
            self.changed.get_or_insert_with(Instant::now);
        }
        has_changed
    }
}

impl<A, B> Relay<A, B> {
    fn stages(&self) -> [Option<DirectionState>; 2] {
        [&self.a_to_b, &self.b_to_a]
            .map(|direction| (!direction.is_copying()).then_some(direction.state))
    }

    /// What the relay waits for, and since when.
    fn waits(&self) -> [Option<(Wait, Instant)>; 2] {
        let moved = self.a_to_b.moved.max(self.b_to_a.moved);
        let Some(changed) = self.changed else { return [Some((Wait::Byte, moved)), None] };
        if self.failure.is_none() {
            return [Some((Wait::Byte, moved)), Some((Wait::ByteOfOther, moved.max(changed)))];
        }
        let since = match (self.a_to_b.state, self.b_to_a.state) {
            (DirectionState::Draining, DirectionState::Over) => self.b_to_a.moved, // LINGER
            (DirectionState::Over, DirectionState::Draining) => self.a_to_b.moved,
            _ => moved.max(changed),
        };
        [Some((Wait::Linger, since)), None]
    }
}

/// Ends a direction that drops what it reads, when no peer gains by that (LINGER).
fn stop_draining(direction: &mut Direction, other: &Direction) {
    let is_enough = other.written == 0 || direction.drained > DRAINED_MAX;
    if direction.state == DirectionState::Draining
        && (other.has_writer_failed || (other.is_over() && is_enough))
    {
        direction.state = DirectionState::Over;
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
