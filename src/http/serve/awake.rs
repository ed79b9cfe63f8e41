//! `Awake`: a connection that hyper drives.

use std::{io, sync::Arc};

use super::{
    BoxError, connection_state::ConnectionState, connections::Wakeful, driver::Driver, phase::Phase,
};
use crate::{pool::Reservation, util::Millis};

pub(super) struct Awake<T> {
    pub(super) driver: Box<dyn Driver<T>>,
    pub(super) state: Arc<ConnectionState>,
    pub(super) phase: Phase,
    pub(super) can_park: bool,
    pub(super) is_http2: bool,
    pub(super) is_told_to_stop: bool,
    /// When requests of an HTTP/2 client are no longer answered, after its GOAWAY.
    pub(super) last_call: Millis,
    /// ROOM
    pub(super) _room: Reservation,
    /// Counts the connection as awake, and its bytes while it lingers.
    pub(super) wakeful: Wakeful,
}

impl<T> Awake<T> {
    /// Whether no request that hyper has seen has anything left to do.
    pub(super) fn is_between_requests(&self, phase: Phase) -> bool {
        phase.may_park() && self.state.is_idle()
    }

    /// Whether hyper has the connection although nothing is left to do. It is not parked yet; or
    /// the body of its last request was left unread, so that it cannot be parked (UNTAINTED).
    pub(super) fn lingers(&self) -> bool {
        self.can_park
            && match self.phase {
                Phase::Idle { .. } => true,
                Phase::Draining { .. } => self.state.is_left_unread(),
                Phase::Head { .. } | Phase::Busy => false,
            }
    }

    /// How many bytes hyper holds for the connection while it lingers.
    pub(super) fn lingers_len(&self) -> Option<usize> {
        self.lingers().then(|| self.state.awake_len())
    }

    /// Why the connection ends at its deadline.
    pub(super) fn late(&self) -> Result<(), BoxError> {
        let what = match self.phase {
            Phase::Idle { .. } => return Ok(()),
            Phase::Head { .. } => "the head of a request was not whole in time",
            Phase::Busy => "the client has stopped reading its response, or sending its body",
            Phase::Draining { .. } => "the client did not end its request in time",
        };
        Err(io::Error::new(io::ErrorKind::TimedOut, what).into())
    }

    /// The phase that the connection's state shows now.
    pub(super) fn phase_now(&self) -> Phase {
        let (dispatched, reads) = (self.state.dispatched(), self.state.reads());
        let is_waited_for = || self.state.waits_since() < Millis::NEVER;
        if self.state.has_responses() || (self.is_http2 && is_waited_for()) {
            return Phase::Busy;
        }
        if self.is_http2 {
            // Frames that are no request, such as pings, do not keep a connection open.
            let idle = Phase::Idle { dispatched, reads: 0 };
            return if self.state.has_bodies() { Phase::Draining { reads } } else { idle };
        }
        if dispatched == 0 {
            // DISPATCHED
            return Phase::Head { dispatched };
        }
        if !self.state.is_idle() {
            return if is_waited_for() { Phase::Busy } else { Phase::Draining { reads } };
        }
        match self.phase {
            // Bytes came, but no request.
            Phase::Head { dispatched: before } if before == dispatched => self.phase,
            Phase::Idle { dispatched: before, reads: seen }
                if before == dispatched && seen != reads =>
            {
                Phase::Head { dispatched }
            }
            _ => Phase::Idle { dispatched, reads },
        }
    }
}
