//! `ChainReader`: how a connection is read.
//!
//! # Invariants
//! - IN-TURNS: a task that never waits for bytes lets others run after each READ_MAX of them, or
//!   after as many reads as READ_MAX has units of READ_MIN.
//! - LOOKED-AT: a wait for memory has the pool's deadline (NO-FREEZE). A socket that has ended
//!   needs no memory, and a socket that waits for memory is checked for a failure twice a second.
//!
//! LATE holds here as well: on every `Pending` the chain holds no block but for bytes that arrived.

mod memory;
mod memory_wait;

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use tokio::io::AsyncRead;

use self::memory_wait::{Memory, MemoryWait};
use super::{
    read::poll_read_buf,
    recognised::reach,
    socket::{Inq, Received, Socket},
};
use crate::chain::ChainMut;

/// What the first read asks for. Most messages are shorter.
const READ_MIN: usize = 4 << 10;

/// The largest block that reading leases, and the most that is remembered of a large read while the
/// task waits for the next one.
const READ_BLOCK: usize = 64 << 10;

/// The most that one call asks for, and about the most that is read before other tasks run (gRPC
/// and brpc stop there too).
const READ_MAX: usize = 512 << 10;

/// The most calls of one poll (nginx and HAProxy: 4).
const CALLS_MAX: usize = 4;

/// Reads a connection into a chain. It remembers how much to ask for next, and its place in the
/// queue when memory is short.
///
/// It reads any `AsyncRead` into a [`ChainMut`], which leases from its account. On a bare socket it
/// waits for bytes first, leases then, and reads into up to eight blocks with one call. Blocks that
/// were not filled go back at once. Any other transport is polled with a leased block, which goes
/// back on `Pending`. Either way, while there is nothing to read, only bytes that were not consumed
/// yet hold memory.
///
/// The first read asks for 4 KiB. After a read that was filled, the next asks for four times as
/// much, up to 512 KiB. After two reads that were filled by half or less, the next asks for half as
/// much. A TCP socket that was read full is asked how much it has left (TCP_INQ on Linux). One poll
/// makes at most four calls; if there is more, the next poll lets other tasks run first. It also
/// does so after 512 KiB that arrived without a wait, in any number of reads, because a reader of
/// small messages may be slower than the peer that sends them.
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
    /// What the next read asks for, and the most that one may ask for, in units of READ_MIN.
    wanted: u8,
    wanted_max: u8,
    /// The number of reads in a row that were filled by half or less.
    small_reads: u8,
    /// The number of bytes that were read since the task last waited or let others run, in units of
    /// READ_MIN (IN-TURNS).
    at_a_stretch: u8,
    inq: Inq,
    /// The last poll stopped with more to read.
    owes_yield: bool,
    interruption: Option<Box<Interruption>>,
}

/// What few connections ever have: one of the two.
enum Interruption {
    /// The error that the socket had after bytes which were given out first.
    Failed(io::Error),
    MemoryWait(MemoryWait),
}

impl ChainReader {
    /// Makes a reader for a new connection. It allocates nothing.
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

    /// Leases at most about `bytes` at once, between 4 KiB and 512 KiB. The default is 512 KiB.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool, io::ChainReader};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (mut near, mut far) = tokio::io::duplex(64 << 10);
    /// far.write_all(&[0; 20_000]).await?;
    ///
    /// let (mut reader, mut chain) = (ChainReader::new().max_read(4 << 10), ChainMut::new(&pool));
    /// assert_eq!(reader.read(&mut near, &mut chain).await?, 4 << 10);
    /// assert_eq!(pool.leased(), 4 << 10);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_read(self, bytes: usize) -> Self {
        Self { wanted_max: units(bytes.clamp(READ_MIN, READ_MAX)), ..self }
    }

    /// Reads the bytes that are there, and adds them to the end of `chain`. Returns how many bytes
    /// it read, and 0 at the end of the stream.
    ///
    /// It waits for bytes. Then, if memory is short, it waits for memory, for the pool's `max_wait`
    /// at most.
    ///
    /// # Errors
    /// Those of the transport, and [`LeaseError`](crate::LeaseError) as an [`io::Error`] if there
    /// is no memory, or if this chain alone holds all that its account may have. The bytes in the
    /// chain stay there.
    ///
    /// # Cancel safety
    /// Cancel safe. Bytes that were read are in the chain. A wait for memory that was cancelled
    /// keeps its place and its deadline for the next call. A block that is granted to it in between
    /// is taken back after `max_wait`, or when the `ChainReader` is dropped.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    pub fn read<'a, T: AsyncRead + Unpin + ?Sized>(
        &'a mut self,
        io: &'a mut T,
        chain: &'a mut ChainMut,
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        // An async fn would keep its arguments twice, in the task of each idle connection.
        poll_fn(move |cx| self.poll_read(cx, Pin::new(io), chain))
    }

    /// As [`read`](Self::read), for code that polls.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool, io::ChainReader};
    /// use std::{future::poll_fn, pin::Pin};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let mut near: &[u8] = b"hello";
    /// let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    /// let count = poll_fn(|cx| reader.poll_read(cx, Pin::new(&mut near), &mut chain)).await?;
    /// assert_eq!(count, 5);
    /// assert_eq!(chain.freeze(), *b"hello");
    /// # Ok(())
    /// # }
    /// ```
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

    /// What the last read has left to do before the next one.
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

    /// Accounts for the result of a read, and gives back the room that is needed no more.
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
            // The next bytes may take long.
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

    /// Whether it waits for memory, for bytes that are there or may be.
    pub(super) fn is_starved(&self) -> bool {
        matches!(self.interruption.as_deref(), Some(Interruption::MemoryWait(_)))
    }

    /// Whether the next read fails.
    pub(super) fn has_error(&self) -> bool {
        matches!(self.interruption.as_deref(), Some(Interruption::Failed(_)))
    }

    /// Gives up the place in the queue for memory, if there is one.
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

    /// Goes on while there is more, within the bounds of one poll. Returns the number of bytes of
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
                        // A socket reports its failure once.
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
        let polled = self.poll_one_read(cx, io, chain);
        self.settle(polled, chain)
    }

    fn poll_one_read<T: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<usize>> {
        // Without a socket to check, an end is seen when the memory is there.
        let Memory::Room = ready!(self.poll_room(cx, None, chain))? else {
            unreachable!("only a socket ends or needs nothing")
        };
        // This read goes into one piece: not into the last bytes of a block if there is another
        // block.
        chain.skip_poor_tail();
        let offered = chain.chunk_mut().len();
        let count = ready!(poll_read_buf(io, cx, chain))?;
        self.adapt(Received { count, is_full: count == offered, left: None });
        Poll::Ready(Ok(count))
    }

    /// What the next read asks for.
    fn wanted(&self) -> usize {
        usize::from(self.wanted) * READ_MIN
    }

    /// Learns from a read how much to ask for next.
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

/// The number of units of READ_MIN in `bytes`, rounded up, and at least one.
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
