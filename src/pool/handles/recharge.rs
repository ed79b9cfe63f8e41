//! `Recharge`: blocks whose charges move together.

use super::{Account, Block, BlockMut, LeaseError};
use crate::pool::engine::BlockRef;

/// Blocks that are to be charged to another account, all of them or none. Several handles on one
/// block count as one.
#[derive(Default)]
pub(crate) struct Recharge<'a>(Vec<&'a BlockRef>);

impl<'a> Recharge<'a> {
    pub(crate) fn add(&mut self, block: &'a Block) {
        self.0.push(block.block_ref());
    }

    pub(crate) fn add_mut(&mut self, block: &'a BlockMut) {
        self.0.push(block.block_ref());
    }

    pub(crate) fn to(self, pool: &Account) -> Result<(), LeaseError> {
        Ok(BlockRef::charge_all_to(&self.0, pool.handle())?)
    }
}
