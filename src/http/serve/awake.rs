//! `Awake`: a connection that hyper drives.

use std::sync::Arc;

use super::{
    connection_state::ConnectionState, connections::Wakeful, driver::Driver, phase::Phase,
};
use crate::{io::Tick, pool::Reservation};

pub(super) struct Awake<T> {
    pub(super) driver: Box<dyn Driver<T>>,
    pub(super) state: Arc<ConnectionState>,
    pub(super) phase: Phase,
    pub(super) can_park: bool,
    pub(super) is_http2: bool,
    pub(super) is_told_to_stop: bool,
    /// From when on requests of HTTP/2 are refused, once the client was told to stop.
    pub(super) last_call: Tick,
    /// ROOM
    pub(super) _room: Reservation,
    /// Counts the connection as awake.
    pub(super) wakeful: Wakeful,
}

impl<T> Awake<T> {
    /// Whether every request that hyper has seen is done.
    pub(super) fn is_between_requests(&self, phase: Phase) -> bool {
        phase.may_park() && self.state.is_idle()
    }

    /// Whether it could be parked, and stays awake for now.
    pub(super) fn lingers(&self) -> bool {
        self.can_park && matches!(self.phase, Phase::Idle { .. })
    }

    /// The phase that the connection's state shows now.
    pub(super) fn phase_now(&self) -> Phase {
        let (dispatched, reads) = (self.state.dispatched(), self.state.reads());
        let is_waited_for = self.state.waits_since() < Tick::NEVER;
        if self.state.has_responses() || (is_waited_for && self.is_http2) {
            return Phase::Busy;
        }
        if self.is_http2 {
            // Frames that make no request, pings say, keep no connection open.
            let idle = Phase::Idle { dispatched, reads: 0 };
            return if self.state.has_bodies() { Phase::Draining { reads } } else { idle };
        }
        if dispatched == 0 {
            // DISPATCHED
            return Phase::Head { dispatched };
        }
        if !self.state.is_idle() {
            return if is_waited_for { Phase::Busy } else { Phase::Draining { reads } };
        }
        match self.phase {
            // Bytes came, and made no request.
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
