//! `Thing`: something that was leased, with what the model knows of it.

use bytes::{Buf, BufMut};
use leasehold::{Block, BlockMut, Chain, ChainMut, Credit, Reservation};

use super::{
    range::{BlockId, Range},
    ranges::Ranges,
};

/// A handle of each kind, and its model.
#[derive(Debug)]
pub(crate) enum Thing {
    Mut(BlockMut, Range),
    Shared(Block, Range),
    /// The account that it leases from, if it can.
    ChainMut(ChainMut, Ranges, Option<usize>),
    Chain(Chain, Ranges),
    /// The account, and how many bytes.
    Reserved(Reservation, usize, usize),
    /// The account, and how many bytes were laid there.
    Credit(Credit, usize, usize),
}

impl Thing {
    /// The blocks that are not home because of this, once for each range of them.
    pub(crate) fn held(&self) -> Vec<BlockId> {
        match self {
            Self::Mut(_, range) | Self::Shared(_, range) => range.held().into_iter().collect(),
            Self::ChainMut(_, ranges, _) | Self::Chain(_, ranges) => {
                ranges.iter().filter_map(Range::held).collect()
            }
            Self::Reserved(..) | Self::Credit(..) => Vec::new(),
        }
    }

    /// Asserts that it says of itself what the model says.
    pub(crate) fn assert_is_modelled(&self) {
        match self {
            Self::Mut(block, range) => {
                assert_eq!((&block[..], block.capacity()), (&range.bytes[..], range.capacity()));
            }
            Self::Shared(block, range) => assert_eq!(block[..], range.bytes[..]),
            Self::ChainMut(chain, ranges, _) => {
                assert!(
                    chain.chunks().eq(ranges.pieces().map(|range| &range.bytes[..])),
                    "{chain:?}: {ranges:?}"
                );
                assert_eq!((chain.len(), chain.remaining_mut()), (ranges.len(), ranges.room()));
            }
            Self::Chain(chain, ranges) => {
                let pieces = chain.segments().map(AsRef::as_ref);
                assert!(
                    pieces.eq(ranges.pieces().map(|range| &range.bytes[..])),
                    "{chain:?}: {ranges:?}"
                );
                assert_eq!(chain.remaining(), ranges.len());
            }
            Self::Reserved(reservation, _, len) => assert_eq!(reservation.len(), *len),
            Self::Credit(..) => {}
        }
    }
}
