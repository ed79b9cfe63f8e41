//! What a request comes to.

use super::{hold::Fresh, reserved::Reserved};
use crate::pool::{ledger::ChargeRefused, wait};

/// What a request was granted: all that it asked for. What it did not ask for is empty.
#[must_use = "a grant that is not used goes home at once"]
pub(in crate::pool) struct Grant {
    blocks: Vec<Fresh>,
    reserved: Reserved,
}

/// Why a request cannot be served now.
pub(in crate::pool) type Blocked = wait::Blocked<ChargeRefused>;

impl Grant {
    pub(super) fn block(block: Fresh) -> Self {
        Self::blocks(vec![block])
    }

    pub(super) fn blocks(blocks: Vec<Fresh>) -> Self {
        Self { blocks, reserved: Reserved::empty() }
    }

    pub(super) fn reserved(reserved: Reserved) -> Self {
        Self { blocks: Vec::new(), reserved }
    }

    /// The blocks of a request for a block or a chain.
    pub(in crate::pool) fn into_blocks(self) -> Vec<Fresh> {
        self.blocks
    }

    /// The block of a request for one.
    pub(in crate::pool) fn into_block(self) -> Fresh {
        self.into_blocks().pop().expect("a block was asked for and granted")
    }

    /// The bytes of a request without blocks.
    pub(in crate::pool) fn into_reserved(self) -> Reserved {
        self.reserved
    }
}
