//! `Copying`: the bytes of a body on their way from its frames into leased blocks.
//!
//! # Invariants
//! - NO-TRUST: one lease is for 64 KiB at most, and for eight times the bytes that arrived at most,
//!   whatever is said to come.
//! - LATE: while the next frame is not there, no block is held but for bytes that arrived.
//! - NO-FREEZE: a wait for memory has the pool's deadline; where only the bytes that are held here
//!   could make room, there is none.

use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut};

use crate::{
    chain::{Chain, ChainLeaseFuture, ChainMut},
    pool::{Account, LeaseError},
};

/// The most that is leased at once: larger calls and copies gain nothing (see `ReaderBody`).
const PIECE_MAX: usize = 64 << 10;

/// What is leased is at most so many times what arrived: the bound of a frame in a large block
/// (NO-PIN in `chain`).
const AHEAD: usize = 8;

/// What was copied and is not taken yet, and the place in the queue for memory.
#[derive(Debug)]
pub(crate) struct Copying {
    chain: ChainMut,
    lease: Option<Box<ChainLeaseFuture>>,
}

impl Copying {
    pub(crate) fn new(account: &Account) -> Self {
        Self { chain: ChainMut::new(account), lease: None }
    }

    /// Copies at least one byte of `data`, which has one, and as many as there is room for; waits
    /// for room if need be.
    ///
    /// `to_come` is how many bytes are expected to follow `data`: the room is made for them too,
    /// within NO-TRUST.
    pub(crate) fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut impl Buf,
        to_come: usize,
    ) -> Poll<Result<(), LeaseError>> {
        if self.chain.remaining_mut() == 0 {
            ready!(self.poll_room(cx, data.remaining(), to_come))?;
        }
        let count = data.remaining().min(self.chain.remaining_mut());
        self.chain.put(data.take(count));
        Poll::Ready(Ok(()))
    }

    /// Gives whole blocks back that hold nothing, before a wait for the next frame.
    pub(super) fn park(&mut self) {
        self.chain.release_spare();
    }

    /// Takes what was copied; the room behind it goes home.
    pub(super) fn take(&mut self) -> Chain {
        let copied = self.chain.split();
        self.chain.release_room();
        copied.freeze()
    }

    /// What was copied and not taken, to go on with.
    // For rooms above, of which not all are built.
    #[allow(dead_code)]
    pub(crate) fn into_chain(self) -> ChainMut {
        self.chain
    }

    /// Bytes copied and not taken.
    pub(super) fn len(&self) -> usize {
        self.chain.len()
    }

    /// Leases generously if that can be had at once, else as little as serves.
    fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        needed: usize,
        to_come: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let mut least = needed;
        if self.lease.is_none() {
            let arrived = self.chain.len().saturating_add(needed);
            let wanted =
                needed.saturating_add(to_come).min(arrived.saturating_mul(AHEAD)).min(PIECE_MAX);
            if self.chain.try_reserve_untold(wanted).is_ok() {
                return Poll::Ready(Ok(()));
            }
            least = self.piece_of(needed)?;
        }
        self.chain.poll_reserve(cx, &mut self.lease, least)
    }

    /// How many of `needed` bytes to wait for: what the limits can ever leave room for, beside what
    /// is held here.
    fn piece_of(&self, needed: usize) -> Result<usize, LeaseError> {
        let account = self.chain.account().ok_or_else(LeaseError::detached)?;
        let limit = account.limit_of_all();
        let left = limit.saturating_sub(self.chain.pinned());
        let mut piece = needed.min(PIECE_MAX).min(account.chain_len_max().max(1));
        while account.chain_capacity(piece) > left {
            if piece == 1 {
                return Err(LeaseError::too_large(self.chain.len().saturating_add(needed), limit));
            }
            piece /= 2;
        }
        Ok(piece)
    }
}
