//! A socket whose server stops: its peer is told so.

use super::{Phase, WebSocket};
use crate::{
    io::is_leaving,
    ws::{CloseCode, CloseFrame},
};

/// What the peer is told (RFC 6455 §7.4.1: 1001, "such as a server going down").
pub(in crate::ws) fn farewell() -> CloseFrame {
    CloseFrame::new(CloseCode::GOING_AWAY, "the server stops")
}

impl<T> WebSocket<T> {
    /// Whether the server that accepted this socket stops, and nothing was said of it yet.
    pub(in crate::ws) fn is_leaving(&self) -> bool {
        self.phase == Phase::Open && is_leaving(&self.io)
    }
}
