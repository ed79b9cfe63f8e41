//! A socket whose server stops tells its peer so.

use super::{Phase, WebSocket};
use crate::{
    io::is_leaving,
    ws::{CloseCode, CloseFrame},
};

/// The close frame of a server that stops (RFC 6455 §7.4.1: 1001, "such as a server going down").
pub(in crate::ws) fn farewell() -> CloseFrame {
    CloseFrame::new(CloseCode::GOING_AWAY, "the server stops")
}

impl<T> WebSocket<T> {
    /// Whether the server of this socket stops, and the peer was not told yet.
    pub(in crate::ws) fn is_leaving(&self) -> bool {
        self.phase == Phase::Open && is_leaving(&self.io)
    }
}
