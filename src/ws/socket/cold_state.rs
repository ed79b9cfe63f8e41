//! `ColdState`: what few sockets have, and none for long.

use super::halves::Halves;
use crate::{
    sync::Sleep,
    ws::protocol::{error::Error, header::Header, masking::Masking},
};

/// In a box that is gone when the last of it is.
#[derive(Default)]
pub(super) struct ColdState {
    /// A client's message that waits for memory to be masked in.
    pub(super) masking: Option<Box<(Header, Masking)>>,
    /// While something is queued that the transport does not take.
    pub(super) halves: Halves,
    pub(super) close_deadline: Option<Sleep>,
    /// Why a message that was taken is not sent, until the sink has told it.
    pub(super) failure: Option<Error>,
}

impl ColdState {
    pub(super) fn is_empty(&self) -> bool {
        self.masking.is_none()
            && self.halves.is_empty()
            && self.close_deadline.is_none()
            && self.failure.is_none()
    }
}
