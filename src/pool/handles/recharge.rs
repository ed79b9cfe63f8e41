//! `Recharge`: blocks whose charges move together.

use super::{Block, BlockMut, LeaseError, Pool};
use crate::pool::engine::Hold;

/// Blocks that are to be charged to another account, all of them or none. Handles on one block
/// count as one.
#[derive(Default)]
pub(crate) struct Recharge<'a>(Vec<&'a Hold>);

impl<'a> Recharge<'a> {
    pub(crate) fn add(&mut self, block: &'a Block) {
        self.0.push(block.hold());
    }

    pub(crate) fn add_mut(&mut self, block: &'a BlockMut) {
        self.0.push(block.hold());
    }

    pub(crate) fn to(self, pool: &Pool) -> Result<(), LeaseError> {
        Ok(Hold::charge_all_to(&self.0, pool.account())?)
    }
}
