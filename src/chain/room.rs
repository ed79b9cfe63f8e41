//! The room of a chain, for code that reads into several blocks with one call.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BufMut;

use super::{ChainLeaseFuture, ChainMut};
use crate::pool::{Account, BlockMut, LeaseError};

impl ChainMut {
    /// Makes room for `additional` bytes, and waits for memory if there is none now. This is
    /// [`reserve`](Self::reserve) for code that polls.
    ///
    /// `slot` keeps the place in the queue between polls. Begin with `None`; it is `None` again
    /// when the poll is ready. Set it to `None` to give the place up.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::{ChainMut, Pool};
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(8 << 20)?;
    /// let (mut chain, mut slot) = (ChainMut::new(&pool), None);
    /// poll_fn(|cx| chain.poll_reserve(cx, &mut slot, 100)).await?;
    /// assert!(slot.is_none() && chain.remaining_mut() >= 100);
    /// # Ok(())
    /// # }
    /// ```
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

    /// The account that more room is leased from.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Makes an empty chain that leases from the same account.
    pub(crate) fn sibling(&self) -> ChainMut {
        ChainMut { account: self.account.clone(), ..ChainMut::detached() }
    }

    /// The room of the block that is being written. It is 0 if the room is less than an eighth of
    /// the block, and so not worth a read.
    #[inline]
    pub(crate) fn tail_room(&self) -> usize {
        let room = self.tail.remaining_mut();
        if room * 8 >= self.tail.block_capacity() { room } else { 0 }
    }

    /// Gives up the room of the block that is being written, if it is not worth a read and another
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

    /// The room, block by block, in the order of writing.
    pub(crate) fn room_mut(&mut self) -> impl Iterator<Item = &mut [MaybeUninit<u8>]> {
        let spare = self.rest.iter_mut().flat_map(|rest| rest.spare_mut());
        std::iter::once(&mut self.tail)
            .chain(spare)
            .map(BlockMut::spare_capacity_mut)
            .filter(|room| !room.is_empty())
    }

    /// Gives back whole blocks that nothing was written to. The rest of a block that is begun
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
