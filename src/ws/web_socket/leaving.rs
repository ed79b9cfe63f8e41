//! A socket whose server stops: its peer is told so.

use std::task::Context;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Phase, WebSocket};
use crate::{
    io::is_leaving,
    ws::{CloseCode, CloseFrame, halves::Half},
};

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Begins to close if the server that accepted this socket stops: RFC 6455 §7.4.1, 1001 "such
    /// as a server going down". What is queued is sent before.
    pub(super) fn leave_with_server(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::Open
            && is_leaving(&self.io)
            && self.start_close(CloseFrame::new(CloseCode::GOING_AWAY, "the server stops")).is_ok()
        {
            // A failure is met again.
            let _ = self.poll_send(cx, Half::Stream);
        }
    }
}
