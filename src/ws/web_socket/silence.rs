//! A socket that hears nothing: how long that may last.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Phase, WebSocket};
use crate::{
    chain::Chain,
    ws::{
        Error, Message,
        halves::Half,
        header::{Header, OpCode},
        heart::Pulse,
    },
};

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Nothing comes now: that may last too long (NO-FREEZE).
    pub(super) fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        self.leave_with_server(cx);
        if self.phase == Phase::Closing && self.poll_close_deadline(cx).is_ready() {
            return self.poll_fail(cx, Error::silent());
        }
        while self.phase == Phase::Open {
            match self.heart.check(cx) {
                Pulse::Wait => break,
                Pulse::GiveUp => return self.poll_fail(cx, Error::silent()),
                Pulse::Ping => {
                    if let Err(error) = self.push(Header::new(OpCode::Ping, 0), Chain::new()) {
                        return self.poll_fail(cx, error);
                    }
                    // A failure is met again.
                    let _ = self.poll_send(cx, Half::Stream);
                }
            }
        }
        Poll::Pending
    }
}
