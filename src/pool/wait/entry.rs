//! `Entry`: a place in the queue.

use std::{task::Waker, time::Instant};

use super::granter::Granter;

/// A request that waits, or has been granted and not collected.
pub(super) struct Entry<G: Granter> {
    pub(super) holder: G::Holder,
    pub(super) request: G::Request,
    pub(super) state: WaitState<G>,
}

pub(super) enum WaitState<G: Granter> {
    Waiting { at: Option<G::Limit>, waker: Waker },
    Granted { grant: G::Grant, since: Instant },
    TakenBack,
}
