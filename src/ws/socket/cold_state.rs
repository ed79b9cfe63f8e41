//! `ColdState`: state that few sockets have, and none for long.

use super::halves::Halves;
use crate::{
    sync::Sleep,
    ws::protocol::{error::Error, header::Header, masking::Masking},
};

/// In a box that is freed when the state is empty.
#[derive(Default)]
pub(super) struct ColdState {
    /// A client's message that waits for memory in which it is masked.
    pub(super) masking: Option<Box<(Header, Masking)>>,
    /// The waiting tasks, while the transport does not take what is queued.
    pub(super) halves: Halves,
    pub(super) close_deadline: Option<Sleep>,
    /// Why a message that was taken is not sent, until the sink has reported it.
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
