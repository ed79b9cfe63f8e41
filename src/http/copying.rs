//! `Copying`: the bytes of a body on their way from its frames into leased blocks.
//!
//! # Invariants
//! - BY-ARRIVAL: one lease is for at most 64 KiB, and for at most eight times the bytes that have
//!   arrived. The announced length does not raise it (NO-TRUST).
//! - NO-SPARE: while the next frame is not there, every leased block has bytes in it (LATE).
//! - NO-SELF-WAIT: a wait for memory has the pool's deadline. If only the bytes that are held here
//!   could make room, there is no wait but an error.
//! - NOT-SHORT: if what is taken has a limit of its own, a wait for that limit is a wait for the
//!   reader, and no lack of memory. It has no deadline of the pool.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BufMut};

use crate::{
    chain::{Chain, ChainLeaseFuture, ChainMut},
    pool::{Account, LeaseError},
};

/// The most that is leased at once: larger calls and copies gain nothing (see `ReaderBody`).
const PIECE_MAX: usize = 64 << 10;

/// A lease is at most this many times the bytes that have arrived: the bound of a frame in a large
/// block (NO-PIN).
const AHEAD: usize = 8;

/// A reader that takes nothing for this long is gone. Servers have limits of their own, far below.
/// This limit only ends a wait that would be endless.
const READER_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The bytes that were copied and not taken yet, and the place in the queue for memory.
#[derive(Debug)]
pub(crate) struct Copying {
    chain: ChainMut,
    lease: Option<Box<ChainLeaseFuture>>,
    /// Whether the account is of these bytes alone.
    is_own: bool,
    /// Whether `lease` waits for the reader, and not for memory.
    waits_for_reader: bool,
}

impl Copying {
    pub(crate) fn new(account: &Account) -> Self {
        let chain = ChainMut::new(account);
        Self { chain, lease: None, is_own: false, waits_for_reader: false }
    }

    /// As `new`, with at most `bytes` out at a time: copied, or taken and not dropped yet.
    pub(super) fn with_limit(account: &Account, bytes: usize) -> Self {
        let own = account.account("leased body", bytes.max(account.block_len_for(1)));
        Self { is_own: true, ..Self::new(&own) }
    }

    pub(super) fn account(&self) -> Option<&Account> {
        self.chain.account()
    }

    /// Copies as many bytes of `data` as there is room for, and at least one; waits for room if
    /// there is none. `data` is not empty.
    ///
    /// `to_come` is how many bytes are expected to follow `data`: room is made for them too, within
    /// BY-ARRIVAL.
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

    /// Gives back the blocks that have no bytes in them, before a wait for the next frame
    /// (NO-SPARE).
    pub(super) fn park(&mut self) {
        self.chain.release_spare();
    }

    /// Takes the copied bytes; the room behind them goes home.
    pub(super) fn take(&mut self) -> Chain {
        let copied = self.chain.split();
        self.chain.release_room();
        copied.freeze()
    }

    /// The copied bytes that were not taken, as a chain to write on.
    pub(crate) fn into_chain(self) -> ChainMut {
        self.chain
    }

    /// Bytes copied and not taken.
    pub(super) fn len(&self) -> usize {
        self.chain.len()
    }

    /// Leases room for all that is expected, if it is there at once; otherwise waits for as little
    /// as will do.
    fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        needed: usize,
        to_come: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let mut least = needed;
        if self.waits_for_reader && !self.is_at_limit(self.piece_of(needed)?) {
            // The reader has made room: from here on it is a wait for memory.
            self.lease = None;
            self.waits_for_reader = false;
        }
        if self.lease.is_none() {
            let arrived = self.chain.len().saturating_add(needed);
            let wanted =
                needed.saturating_add(to_come).min(arrived.saturating_mul(AHEAD)).min(PIECE_MAX);
            if self.chain.try_reserve_untold(wanted).is_ok() {
                return Poll::Ready(Ok(()));
            }
            least = self.piece_of(needed)?;
            if self.is_own && self.is_at_limit(least) {
                let account = self.chain.account().ok_or_else(LeaseError::detached)?;
                self.lease = Some(Box::new(account.chain_timeout(least, READER_WAIT)));
                self.waits_for_reader = true;
            }
        }
        let room = self.chain.poll_reserve(cx, &mut self.lease, least);
        self.waits_for_reader &= room.is_pending();
        room
    }

    /// Whether the account itself, and not one around it, has no room for `len` bytes.
    fn is_at_limit(&self, len: usize) -> bool {
        self.chain
            .account()
            .is_some_and(|account| account.leased() + account.chain_capacity(len) > account.limit())
    }

    /// How many of the `needed` bytes to wait for: no more than the limits can ever leave room for
    /// beside the bytes that are held here (NO-SELF-WAIT).
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
