//! The room of a chain, for whoever reads into several blocks with one call.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BufMut;

use super::{ChainLeaseFuture, ChainMut};
use crate::pool::{Account, BlockMut, LeaseError};

impl ChainMut {
    /// Makes room for `additional` bytes, and waits for memory if need be; for code that polls.
    ///
    /// `slot` keeps the place in the queue from one poll to the next: it begins and ends empty, and
    /// is emptied to give the place up.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
    pub fn poll_reserve(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<Box<ChainLeaseFuture>>,
        additional: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let room = self.remaining_mut();
        if additional <= room {
            *slot = None;
            return Poll::Ready(Ok(()));
        }
        let account = self.account.as_ref().ok_or_else(LeaseError::detached)?;
        let lease = slot.get_or_insert_with(|| Box::new(account.chain(additional - room)));
        let leased = ready!(Pin::new(&mut **lease).poll(cx));
        *slot = None;
        self.add_room(leased?.into_room());
        Poll::Ready(Ok(()))
    }

    /// Where more room comes from.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// An empty chain that leases from where this one does.
    // For rooms above, of which not all are built.
    #[allow(dead_code)]
    pub(crate) fn sibling(&self) -> ChainMut {
        ChainMut { account: self.account.clone(), ..ChainMut::detached() }
    }

    /// The room of the block that is being written, if it is worth a read: an eighth of the block
    /// or more.
    #[inline]
    pub(crate) fn tail_room(&self) -> usize {
        let room = self.tail.remaining_mut();
        if room * 8 >= self.tail.block_capacity() { room } else { 0 }
    }

    /// Gives the room of the block that is being written up if it is not worth a read, and another
    /// block follows.
    pub(crate) fn skip_poor_tail(&mut self) {
        if self.tail_room() == 0 && self.rest.as_ref().is_some_and(|rest| rest.room() > 0) {
            self.tail.give_up_room();
            self.next_tail();
        }
    }

    /// The room, if it is in one block.
    #[inline]
    pub(crate) fn only_room_mut(&mut self) -> Option<&mut [MaybeUninit<u8>]> {
        self.rest.is_none().then(|| self.tail.spare_capacity_mut())
    }

    /// The room, block by block, in the order in which it is to be written.
    pub(crate) fn room_mut(&mut self) -> impl Iterator<Item = &mut [MaybeUninit<u8>]> {
        let spare = self.rest.iter_mut().flat_map(|rest| rest.spare_mut());
        std::iter::once(&mut self.tail)
            .chain(spare)
            .map(BlockMut::spare_capacity_mut)
            .filter(|room| !room.is_empty())
    }

    /// Gives whole blocks back that nothing was written to; the rest of a block that is begun
    /// stays.
    #[inline]
    pub(crate) fn release_spare(&mut self) {
        if self.tail.is_empty() && self.tail.capacity() == self.tail.block_capacity() {
            self.tail = BlockMut::empty();
        }
        if let Some(rest) = &mut self.rest {
            rest.clear_spare();
        }
    }
}
