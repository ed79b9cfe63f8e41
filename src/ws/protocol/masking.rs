//! `Masking`: a client's message on its way to be masked (RFC 6455 §5.3).
//!
//! # Invariants
//! - NOT-SHARED: bytes that other code can see are never changed. They are copied into blocks of
//!   this socket's account first.

use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::mask::Mask;
use crate::{
    chain::{Chain, ChainLeaseFuture, ChainMut, Segment},
    pool::LeaseError,
};

/// A payload, and the room for a copy of its shared bytes.
#[derive(Debug)]
pub(in crate::ws) struct Masking {
    payload: Chain,
    shared_len: usize,
    room: ChainMut,
    lease: Option<Box<ChainLeaseFuture>>,
}

impl Masking {
    /// `room` is empty, and leases from the account that copies are charged to.
    pub(in crate::ws) fn new(payload: Chain, room: ChainMut) -> Self {
        let shared_len =
            payload.segments().filter(|segment| !is_ours(segment)).map(Segment::len).sum();
        Self { payload, shared_len, room, lease: None }
    }

    /// Masks the payload, if there is room at once.
    ///
    /// # Errors
    /// As `try_reserve`. Call it again later, or wait with `poll_mask`.
    pub(in crate::ws) fn try_mask(&mut self, key: [u8; 4]) -> Result<Chain, LeaseError> {
        self.room.try_reserve_untold(self.shared_len)?;
        Ok(self.mask(key))
    }

    /// Waits for the room, and masks the payload.
    pub(in crate::ws) fn poll_mask(
        &mut self,
        cx: &mut Context<'_>,
        key: [u8; 4],
    ) -> Poll<Result<Chain, LeaseError>> {
        ready!(self.room.poll_reserve(cx, &mut self.lease, self.shared_len))?;
        Poll::Ready(Ok(self.mask(key)))
    }

    fn mask(&mut self, key: [u8; 4]) -> Chain {
        let mut mask = Mask::new(key);
        let mut masked = Chain::new();
        for segment in std::mem::take(&mut self.payload) {
            match own(segment) {
                Ok(mut block) => {
                    mask.apply(&mut block);
                    masked.push(block);
                }
                Err(shared) => {
                    // There is room for it: a segment cannot become shared after it was counted,
                    // because no other code has this payload.
                    self.room.put_slice(shared.as_ref());
                    let mut copy = self.room.split();
                    copy.change(0, shared.len(), |piece| mask.apply(piece));
                    masked.append(copy.freeze());
                }
            }
        }
        self.room.release_room();
        masked
    }
}

fn is_ours(segment: &Segment) -> bool {
    matches!(segment, Segment::Block(block) if block.is_unique())
}

/// The block, if no other handle has a part of it.
fn own(segment: Segment) -> Result<crate::pool::BlockMut, Segment> {
    match segment {
        Segment::Block(block) => block.try_into_mut().map_err(Segment::Block),
        Segment::Bytes(_) => Err(segment),
    }
}
