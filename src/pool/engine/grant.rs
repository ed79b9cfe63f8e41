//! The result of a request.

use super::{block_ref::Fresh, reserved::Reserved};
use crate::pool::{ledger::ChargeRefused, wait};

/// What a request was granted: all that it asked for.
#[must_use = "a grant that is not used goes home at once"]
pub(in crate::pool) enum Grant {
    Blocks(Vec<Fresh>),
    Reserved(Reserved),
}

/// Why a request cannot be served now.
pub(in crate::pool) type Blocked = wait::Blocked<ChargeRefused>;

impl Grant {
    pub(super) fn block(block: Fresh) -> Self {
        Self::Blocks(vec![block])
    }

    /// The blocks. There are none if bytes were asked for.
    pub(in crate::pool) fn into_blocks(self) -> Vec<Fresh> {
        match self {
            Self::Blocks(blocks) => blocks,
            Self::Reserved(_) => Vec::new(),
        }
    }

    /// The block, for a request of one block.
    pub(in crate::pool) fn into_block(self) -> Fresh {
        self.into_blocks().pop().expect("a block was asked for and granted")
    }

    /// The bytes without blocks. There are none if blocks were asked for.
    #[inline]
    pub(in crate::pool) fn into_reserved(self) -> Reserved {
        match self {
            Self::Reserved(reserved) => reserved,
            Self::Blocks(_) => Reserved::empty(),
        }
    }
}
