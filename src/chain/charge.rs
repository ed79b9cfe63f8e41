//! `charge_to` of chains: which account all of their blocks are charged to.

use super::{Chain, ChainMut, Segment, rest::Part};
use crate::pool::{Account, LeaseError, Recharge};

impl Chain {
    /// Charges all blocks of this chain to another account of the same pool, even if other handles
    /// hold parts of them. Either all charges move, or none.
    ///
    /// Use it where one part of a program takes a message over from the connection that it arrived
    /// on. Linked [`Bytes`](bytes::Bytes) are charged to no account.
    ///
    /// # Errors
    /// The account, or an account above it, has no room for all of them (an account that also holds
    /// the old charges needs no more room); or a block is of another pool. Then all charges stay
    /// where they were.
    ///
    /// # Examples
    /// ```
    /// use bytes::BufMut;
    /// use leasehold::Pool;
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let connection = pool.account("connection", 1 << 20);
    /// let archive = pool.account("archive", 1 << 20);
    /// let mut message = connection.try_chain(10)?;
    /// message.put_slice(b"keep this.");
    /// let message = message.freeze();
    /// message.charge_to(&archive)?;
    /// assert_eq!((connection.leased(), archive.leased()), (0, 1 << 10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn charge_to(&self, account: &Account) -> Result<(), LeaseError> {
        let mut recharge = Recharge::default();
        self.segments().for_each(|segment| add_segment(&mut recharge, segment));
        recharge.to(account)
    }
}

impl ChainMut {
    /// Charges all blocks of this chain, written ones and room, to another account of the same
    /// pool. Either all charges move, or none.
    ///
    /// Later leases of the chain are charged to the account of before.
    ///
    /// # Errors
    /// As [`Chain::charge_to`].
    pub fn charge_to(&self, account: &Account) -> Result<(), LeaseError> {
        let mut recharge = Recharge::default();
        recharge.add_mut(&self.tail);
        if let Some(rest) = &self.rest {
            for part in rest.parts() {
                match part {
                    Part::Own(block) => recharge.add_mut(block),
                    Part::Linked(segment) => add_segment(&mut recharge, segment),
                }
            }
            rest.spare().for_each(|block| recharge.add_mut(block));
        }
        recharge.to(account)
    }
}

fn add_segment<'a>(recharge: &mut Recharge<'a>, segment: &'a Segment) {
    if let Segment::Block(block) = segment {
        recharge.add(block);
    }
}
