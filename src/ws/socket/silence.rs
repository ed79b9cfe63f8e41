//! How long a peer may be silent.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::keep_alive_state::KeepAliveAction;
use super::{Phase, WebSocket};
use crate::{
    chain::Chain,
    ws::{
        Error, Message,
        protocol::header::{Header, OpCode},
    },
};

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Ready when the peer has been silent for too long (CLOSE-IN-TIME).
    pub(super) fn poll_silence(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        if matches!(self.phase, Phase::Closing | Phase::Mute)
            && self.poll_close_deadline(cx).is_ready()
        {
            let error = self.take_failure().unwrap_or_else(Error::silent);
            return self.poll_fail(cx, error);
        }
        while self.phase == Phase::Open {
            match self.keep_alive_state.check(cx) {
                KeepAliveAction::Wait => break,
                KeepAliveAction::GiveUp => return self.poll_fail(cx, Error::silent()),
                KeepAliveAction::Ping => {
                    if let Err(error) = self.push(Header::new(OpCode::Ping, 0), Chain::new()) {
                        return self.poll_fail(cx, error);
                    }
                    let _ = self.poll_drain(cx);
                }
            }
        }
        Poll::Pending
    }
}
