//! The memory of a `ChainReader`: room for the next read, and a place in the queue when there is
//! none. It keeps LATE and LOOKED-AT of the modules above.

use std::{
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BufMut;

use super::{
    ChainReader, Interruption, READ_BLOCK, READ_MIN,
    memory_wait::{Memory, MemoryWait},
    units,
};
use crate::{
    chain::ChainMut,
    io::socket::{RECV_SLICES_MAX, Socket},
    pool::{Account, BlockMut, LeaseError},
    sync::Sleep,
};

/// How often a socket is checked while it waits for memory. A socket whose peer has gone gives its
/// place up (LOOKED-AT).
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl ChainReader {
    /// Makes room for the next read. Waits for memory if there is none at all.
    #[inline]
    pub(super) fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        socket: Option<Socket<'_>>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<Memory>> {
        if !self.is_starved() {
            let tried = match socket {
                Some(_) => self.try_room(chain),
                None => self.try_piece(chain),
            };
            let Err(error) = tried else { return Poll::Ready(Ok(Memory::Room)) };
            if let Some(unneeded) = self.starve(error, socket, chain)? {
                return Poll::Ready(Ok(unneeded));
            }
        }
        let polled = self.poll_starved(cx, socket, chain);
        if polled.is_ready() {
            self.interruption = None;
        }
        polled
    }

    #[cold]
    fn poll_starved(
        &mut self,
        cx: &mut Context<'_>,
        socket: Option<Socket<'_>>,
        chain: &mut ChainMut,
    ) -> Poll<io::Result<Memory>> {
        let Some(Interruption::MemoryWait(memory_wait)) = self.interruption.as_deref_mut() else {
            return Poll::Ready(Ok(Memory::Needless));
        };
        while socket.is_some() && memory_wait.look.poll_passed(cx).is_ready() {
            memory_wait.look = Sleep::new(LOOK_EVERY);
            if let Some(unneeded) = look(socket)? {
                return Poll::Ready(Ok(unneeded));
            }
        }
        ready!(chain.poll_reserve(cx, &mut memory_wait.lease, 1))?;
        Poll::Ready(Ok(Memory::Room))
    }

    /// Begins to wait for memory, unless it is not needed, or only this chain could give it back.
    #[cold]
    fn starve(
        &mut self,
        error: LeaseError,
        socket: Option<Socket<'_>>,
        chain: &ChainMut,
    ) -> io::Result<Option<Memory>> {
        if !error.is_exhausted() && !error.is_over_limit() {
            return Err(error.into());
        }
        if let Some(unneeded) = look(socket)? {
            return Ok(Some(unneeded));
        }
        let (account, pinned) = (pool_of(chain)?, chain.pinned());
        let limit = account.limit_of_all();
        if pinned + account.block_len_for(1) > limit {
            return Err(LeaseError::too_large(chain.len() + 1, chain.len()).into());
        }
        self.interruption = Some(Box::new(Interruption::MemoryWait(MemoryWait {
            lease: None,
            look: Sleep::new(LOOK_EVERY),
        })));
        Ok(None)
    }

    /// Makes room for the next read out of the memory that is free now: all of it, or some. An
    /// error means that there is none at all.
    pub(super) fn try_room(&self, chain: &mut ChainMut) -> Result<(), LeaseError> {
        let wanted = self.wanted();
        let tail = chain.tail_room();
        if wanted == READ_MIN && tail > 0 {
            return Ok(());
        }
        let mut missing = wanted.saturating_sub(tail);
        let mut slices = usize::from(chain.remaining_mut() > 0);
        while missing > 0 && slices < RECV_SLICES_MAX {
            match try_block(chain, missing) {
                Ok(block) => {
                    missing = missing.saturating_sub(block.capacity());
                    slices += 1;
                    chain.add_block(block);
                }
                Err(_) if chain.remaining_mut() > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes room in one piece for the next read, as [`try_room`](Self::try_room) does in several.
    fn try_piece(&self, chain: &mut ChainMut) -> Result<(), LeaseError> {
        if chain.tail_room() == 0 {
            match try_block(chain, self.wanted()) {
                Ok(block) => chain.add_block(block),
                Err(_) if chain.remaining_mut() > 0 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// There is nothing to read. Gives back all memory that holds no bytes, and copies few bytes
    /// out of large blocks.
    pub(super) fn park(&mut self, chain: &mut ChainMut) {
        if chain.is_empty() {
            chain.release_room();
        } else {
            chain.release_spare();
            chain.compact();
        }
        self.wanted = self.wanted.min(units(READ_BLOCK));
    }
}

/// Leases a block for a read of `len` bytes. If there is none, and the chain has no room yet,
/// leases a shorter one.
#[inline]
fn try_block(chain: &ChainMut, len: usize) -> Result<BlockMut, LeaseError> {
    let (account, len) = (pool_of(chain)?, len.min(READ_BLOCK));
    match account.try_lease_most(len) {
        Err(_) if chain.remaining_mut() == 0 => try_shorter_block(account, len),
        leased => leased,
    }
}

/// As `try_block`, after a block for `len` bytes was refused.
#[cold]
fn try_shorter_block(account: &Account, len: usize) -> Result<BlockMut, LeaseError> {
    let mut len = len.min(account.block_len_for(len));
    loop {
        len = if len > READ_MIN { (len / 4).max(READ_MIN) } else { 1 };
        match account.try_lease_most(len) {
            Err(_) if len > 1 => {}
            leased => return leased,
        }
    }
}

/// What a socket needs instead of memory. `None` if it needs memory.
///
/// # Errors
/// Those of the socket, even if there are bytes before them: a connection that was reset by its
/// peer does not wait for memory.
fn look(socket: Option<Socket<'_>>) -> io::Result<Option<Memory>> {
    match socket.map(Socket::try_peek) {
        None | Some(Ok(1..)) => Ok(None),
        Some(Ok(0)) => Ok(Some(Memory::Ended)),
        Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(Memory::Needless)),
        Some(Err(error)) => Err(error),
    }
}

fn pool_of(chain: &ChainMut) -> Result<&Account, LeaseError> {
    chain.account().ok_or_else(LeaseError::detached)
}
