//! `charge_to` of chains: who pays for all of their blocks.

use super::{Chain, ChainMut, Segment, rest::Part};
use crate::pool::{Account, LeaseError, Recharge};

impl Chain {
    /// Charges all blocks of this chain to another account of the same pool, whoever else holds
    /// parts of them: all, or none.
    ///
    /// For whoever takes a message over from the connection that it came in by. Linked
    /// [`Bytes`](bytes::Bytes) are charged to nobody.
    ///
    /// # Errors
    /// The account, or one above it that does not also hold the old charges, has no room for all of
    /// them; or a block is of another pool. All charges stay where they were then.
    pub fn charge_to(&self, account: &Account) -> Result<(), LeaseError> {
        let mut recharge = Recharge::default();
        self.segments().for_each(|segment| add_segment(&mut recharge, segment));
        recharge.to(account)
    }
}

impl ChainMut {
    /// Charges all blocks of this chain, written or room, to another account of the same pool: all,
    /// or none.
    ///
    /// What the chain leases after this is charged where it was before.
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
