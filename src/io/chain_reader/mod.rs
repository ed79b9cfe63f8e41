//! `ChainReader`: how a connection is read.
//!
//! # Invariants
//! - LATE: on every `Pending` the chain holds no block but for bytes that arrived.
//! - IN-TURNS: a task that never waits for bytes lets others run after each READ_MAX of them, or as
//!   many reads as units of READ_MIN in that.
//! - NO-FREEZE: a wait for memory has the pool's deadline; a socket that has ended needs none, and
//!   one that waits is looked at twice a second for a failure.

mod memory;
mod memory_wait;

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use self::memory_wait::{Memory, MemoryWait};
use super::{
    recognised::reach,
    socket::{Inq, Received, Socket},
};
use crate::chain::ChainMut;

/// What the first read asks for: most messages are shorter.
const READ_MIN: usize = 4 << 10;

/// The largest block that reading leases, and what is remembered of a large read while waiting for
/// the next one.
const READ_BLOCK: usize = 64 << 10;

/// The most that one call asks for, and about the most that is read before others run (gRPC and
/// brpc stop there too).
const READ_MAX: usize = 512 << 10;

/// How many calls a poll makes at most (nginx and HAProxy: 4).
const CALLS_MAX: usize = 4;

/// How a connection is read: how much to ask for next, and its place in the queue when memory is
/// short.
///
/// Reads any `AsyncRead` into a [`ChainMut`], which leases from its pool. On a bare socket it waits
/// for bytes first, leases then, and reads into up to eight blocks with one call; what was not
/// filled goes back at once. Other transports are polled with a leased block, which goes back on
/// `Pending`. Either way nothing is held while there is nothing to read, but for bytes that were
/// not consumed yet.
///
/// A read begins with 4 KiB, four times as much whenever all was filled, up to 512 KiB; half as
/// much after two that were filled by half or less. A TCP socket that was read full is asked how
/// much is left (TCP_INQ on Linux). One poll makes at most four calls; if there is more, the next
/// one lets other tasks run first. So it does after 512 KiB for which nobody had to wait, in
/// however many reads: small messages take their reader longer than the peer takes to send more.
///
/// One `ChainReader` belongs to one connection.
///
/// # Examples
/// ```
/// use leasehold::{ChainMut, Pool, io::ChainReader};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let pool = Pool::new(8 << 20).unwrap();
/// let (mut near, mut far) = tokio::io::duplex(1 << 10);
/// tokio::io::AsyncWriteExt::write_all(&mut far, b"hello").await?;
///
/// let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
/// assert_eq!(chain_reader.read(&mut near, &mut chain).await?, 5);
/// assert_eq!(chain.freeze(), *b"hello");
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
pub struct ChainReader {
    /// What the next read asks for, and the most that one may, in units of READ_MIN.
    wanted: u8,
    wanted_max: u8,
    /// How many reads in a row were filled by half or less.
    small_reads: u8,
    /// What was read since the task last waited or let others run, in units of READ_MIN (IN-TURNS).
    at_a_stretch: u8,
    inq: Inq,
    /// The last poll stopped with more to read.
    owes_yield: bool,
    interruption: Option<Box<Interruption>>,
}

/// What few connections ever have; never both.
enum Interruption {
    /// What the socket said after bytes that were to be given out first.
    Failed(io::Error),
    MemoryWait(MemoryWait),
}

impl ChainReader {
    /// For a new connection.
    pub fn new() -> Self {
        Self {
            wanted: units(READ_MIN),
            wanted_max: units(READ_MAX),
            small_reads: 0,
            at_a_stretch: 0,
            inq: Inq::Unasked,
            owes_yield: false,
            interruption: None,
        }
    }

    /// Leases at most about `bytes` at once, between 4 KiB and 512 KiB: 512 KiB by default.
    #[must_use]
    pub fn max_read(self, bytes: usize) -> Self {
        Self { wanted_max: units(bytes.clamp(READ_MIN, READ_MAX)), ..self }
    }

    /// Reads what is there to the end of `chain`; returns how many bytes, 0 at the end of the
    /// stream.
    ///
    /// Waits for bytes, then for memory if it is short: at most the pool's `max_wait`.
    ///
    /// # Errors
    /// Those of the transport; and [`LeaseError`](crate::LeaseError) as an [`io::Error`] if memory
    /// cannot be had, or if this chain alone holds all that its account may have. What is in the
    /// chain stays there.
    ///
    /// # Cancel safety
    /// Cancel safe: bytes that were read are in the chain. A wait for memory that was cancelled
    /// keeps its place and its deadline for the next call; a block that it is granted in between is
    /// taken back after `max_wait`, or when the `ChainReader` is dropped.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    pub fn read<'a, T: AsyncRead + Unpin + ?Sized>(
        &'a mut self,
        io: &'a mut T,
        chain: &'a mut ChainMut,
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        // An async fn would keep its arguments twice, in the task of every idle connection.
        poll_fn(move |cx| self.poll_read(cx, Pin::new(io), chain))
    }

    /// As [`read`](Self::read), for code that polls.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn poll_read<T: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        match Socket::of(io.as_ref().get_ref()) {
            Some(socket) => {
                let polled = self.poll_socket(cx, socket, chain);
                reach(io.as_ref().get_ref(), cx, polled)
            }
            None => self.poll_other(cx, io, chain),
        }
    }

    /// What the last read has left to do before the next one, if anything.
    #[inline]
    fn poll_left_over(
        &mut self,
        cx: &mut Context<'_>,
        chain: &mut ChainMut,
    ) -> Option<Poll<io::Result<usize>>> {
        if std::mem::take(&mut self.owes_yield) {
            if chain.is_empty() {
                chain.release_room();
            }
            self.at_a_stretch = 0;
            cx.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        let error = self.take_error()?;
        self.park(chain);
        Some(Poll::Ready(Err(error)))
    }

    /// What came of a read is the caller's, and the room is needed no more.
    #[inline]
    fn settle(
        &mut self,
        polled: Poll<io::Result<usize>>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(count @ 1..)) => {
                self.at_a_stretch = self.at_a_stretch.saturating_add(units(count));
                self.owes_yield |= self.at_a_stretch >= units(READ_MAX);
                chain.release_spare();
            }
            // Whatever comes next may take long.
            _ => {
                self.at_a_stretch = 0;
                self.park(chain);
            }
        }
        polled
    }

    #[inline]
    fn take_error(&mut self) -> Option<io::Error> {
        match *self
            .interruption
            .take_if(|interruption| matches!(**interruption, Interruption::Failed(_)))?
        {
            Interruption::Failed(error) => Some(error),
            Interruption::MemoryWait(_) => None,
        }
    }

    /// Whether bytes are there, or may be, and memory is waited for.
    pub(super) fn is_starved(&self) -> bool {
        matches!(self.interruption.as_deref(), Some(Interruption::MemoryWait(_)))
    }

    /// Whether the next read fails.
    pub(super) fn has_error(&self) -> bool {
        matches!(self.interruption.as_deref(), Some(Interruption::Failed(_)))
    }

    /// Gives the place in the queue for memory up, if there is one.
    pub(super) fn stop_waiting(&mut self) {
        if self.is_starved() {
            self.interruption = None;
        }
    }

    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        socket: Socket<'_>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        if let Some(polled) = self.poll_left_over(cx, chain) {
            return polled;
        }
        let polled = self.poll_recv(cx, socket, chain);
        self.settle(polled, chain)
    }

    #[inline]
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        socket: Socket<'_>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(socket.poll_read_ready(cx))?;
            match ready!(self.poll_room(cx, Some(socket), chain))? {
                Memory::Room => {}
                Memory::Ended => return Poll::Ready(Ok(0)),
                Memory::Needless => continue,
            }
            match socket.try_recv(chain, &mut self.inq) {
                Ok(received) => return Poll::Ready(Ok(self.read_on(socket, chain, received))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Goes on while there is more, within the bounds of one poll; returns how many bytes came with
    /// all calls.
    fn read_on(&mut self, socket: Socket<'_>, chain: &mut ChainMut, first: Received) -> usize {
        let mut total = first.count;
        let mut last = first;
        for calls in 1.. {
            self.adapt(last);
            if last.count == 0 || last.is_drained() {
                break;
            }
            if calls == CALLS_MAX || total >= READ_MAX {
                self.owes_yield = true;
                break;
            }
            if self.try_room(chain).is_err() {
                break;
            }
            match socket.try_recv(chain, &mut self.inq) {
                Ok(received) => last = received,
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        // A socket tells of its failure once.
                        self.interruption = Some(Box::new(Interruption::Failed(error)));
                    }
                    break;
                }
            }
            total += last.count;
        }
        total
    }

    fn poll_other<T: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        if let Some(polled) = self.poll_left_over(cx, chain) {
            return polled;
        }
        let polled = self.poll_read_buf(cx, io, chain);
        self.settle(polled, chain)
    }

    fn poll_read_buf<T: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut T>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        // Without a socket to look at, what ended is seen when the memory is there.
        let Memory::Room = ready!(self.poll_room(cx, None, chain))? else {
            unreachable!("only a socket ends or needs nothing")
        };
        // Such a read goes into one piece: not into the last bytes of a block if there is another
        // one.
        chain.skip_poor_tail();
        let offered = chain.chunk_mut().len();
        // Dropping this future on Pending is safe: `read_buf` has read nothing then.
        let count = ready!(pin!(io.read_buf(chain)).poll(cx))?;
        self.adapt(Received { count, is_full: count == offered, left: None });
        Poll::Ready(Ok(count))
    }

    /// What the next read asks for.
    fn wanted(&self) -> usize {
        usize::from(self.wanted) * READ_MIN
    }

    /// Learns from a read how much the next one should ask for.
    #[inline]
    fn adapt(&mut self, received: Received) {
        if !received.is_full && self.wanted == units(READ_MIN) {
            return; // It cannot be less.
        }
        let wanted = self.wanted();
        let next = if received.is_full {
            self.small_reads = 0;
            received.left.map_or(wanted * 4, |left| wanted.max(left).min(READ_MAX))
        } else if received.count <= wanted / 2 && self.small_reads == 1 {
            self.small_reads = 0;
            wanted / 2
        } else {
            self.small_reads = u8::from(received.count <= wanted / 2);
            wanted
        };
        self.wanted = units(next).min(self.wanted_max);
    }
}

/// So many times READ_MIN, rounded up; at least once.
#[inline]
fn units(bytes: usize) -> u8 {
    u8::try_from(bytes.div_ceil(READ_MIN)).unwrap_or(u8::MAX).max(1)
}

impl Default for ChainReader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ChainReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainReader")
            .field("wanted", &self.wanted())
            .field("waits_for_memory", &self.is_starved())
            .finish_non_exhaustive()
    }
}
