//! A failure of one direction, and how the other direction goes on.
//!
//! # Invariants
//! - ONE-WAY: the sink reports a failed write, once. The stream goes on: it yields all that has
//!   arrived, and then its own end.
//! - SINK-REPORTS: the sink reports a message that was taken and is not sent. A flush that returns
//!   `Ok` has sent all that was taken before.

use super::{Phase, WebSocket};
use crate::ws::Error;

impl<T> WebSocket<T> {
    /// Notes that the transport has failed to take something; it is given nothing more.
    #[cold]
    pub(super) fn mute(&mut self) {
        self.phase = match self.phase {
            Phase::Open | Phase::Closing | Phase::Mute => Phase::Mute,
            Phase::Closed | Phase::Sent | Phase::Ended => Phase::Ended,
        };
        let unsent = (self.outgoing.take(), self.per_message.give_up_deflating());
        let masking = self.take_rare(|cold| cold.masking.take());
        drop((unsent, masking));
    }

    /// Keeps a failure for the sink, unless one is kept already.
    pub(super) fn keep_failure(&mut self, sent: Result<(), Error>) {
        if let Err(error) = sent {
            self.cold.get_or_insert_default().failure.get_or_insert(error);
        }
    }

    /// Takes the failure that the sink is to report.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.take_rare(|cold| cold.failure.take())
    }
}
