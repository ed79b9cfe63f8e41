//! What a request comes to.

use super::{block_mut::BlockMut, reservation::Reservation};

/// What a request was granted: all that it asked for.
#[must_use = "a grant that is not used goes home at once"]
pub(super) enum Grant {
    Blocks(Vec<BlockMut>),
    Reserved(Reservation),
}

impl Grant {
    /// The blocks of a request for a block or a chain.
    pub(super) fn into_blocks(self) -> Vec<BlockMut> {
        match self {
            Self::Blocks(blocks) => blocks,
            Self::Reserved(_) => unreachable!("blocks were asked for, bytes were reserved"),
        }
    }

    /// The block of a request for one.
    pub(super) fn into_block(self) -> BlockMut {
        self.into_blocks().pop().expect("a block was asked for and granted")
    }

    /// The bytes of a request without blocks.
    pub(super) fn into_reservation(self) -> Reservation {
        match self {
            Self::Reserved(reservation) => reservation,
            Self::Blocks(_) => unreachable!("bytes were to be reserved, blocks were leased"),
        }
    }
}
