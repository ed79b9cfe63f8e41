//! The end of a socket: the close handshake, and what follows a failure.
//!
//! # Invariants
//! - ONE-CLOSE: one close frame is sent, and nothing behind it (RFC 6455 §5.5.1).
//! - CLOSE-IN-TIME: from our close frame on, and from a failed write on, the peer has
//!   `close_timeout`. Neither a pong nor a close frame needs a block.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::halves::Half;
use super::{Phase, WebSocket, cold_state::ColdState};
use crate::{
    chain::Chain,
    io::poll_read_piece,
    sync::Sleep,
    ws::{
        CloseFrame, Error, Message, PerMessage, Role,
        protocol::header::{Header, OpCode},
    },
};

/// How much is read and dropped at once after both ends have closed, on the stack.
const DROPPED_LEN: usize = 4 << 10;

impl<T> WebSocket<T> {
    /// Queues the close frame, unless that was done before.
    pub(in crate::ws) fn start_close(&mut self, frame: CloseFrame) -> Result<(), Error> {
        if self.phase != Phase::Open {
            return Ok(());
        }
        self.phase = Phase::Closing;
        self.push_close(Some(&frame))
    }

    /// Queues the one close frame. A message that still waits for memory is not sent any more
    /// (ONE-CLOSE), and the sink reports it (SINK-REPORTS).
    pub(super) fn push_close(&mut self, frame: Option<&CloseFrame>) -> Result<(), Error> {
        if self.is_queueing() {
            self.give_up_queueing();
        }
        let payload = Chain::from(Bytes::from(frame.map(CloseFrame::payload).unwrap_or_default()));
        self.push(Header::new(OpCode::Close, payload.len()), payload)
    }

    /// Ends the socket: nothing is sent or received any more, and only a failure is kept. The other
    /// half is woken.
    pub(in crate::ws) fn end(&mut self, half: Half) {
        let outgoing = self.outgoing.take();
        if self.is_queueing() || outgoing.as_ref().is_some_and(|outgoing| outgoing.has_messages()) {
            self.keep_failure(Err(Error::closed())); // SINK-REPORTS
        }
        self.reading.clear();
        self.per_message = PerMessage::default();
        self.phase = Phase::Ended;
        if let Some(cold) = self.cold.take() {
            let ColdState { halves, failure, .. } = *cold;
            self.cold = failure.map(|failure| {
                Box::new(ColdState { failure: Some(failure), ..ColdState::default() })
            });
            halves.wake_other(half);
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Tells the peer and the user of an error.
    #[cold]
    pub(in crate::ws) fn poll_fail(
        &mut self,
        cx: &mut Context<'_>,
        error: Error,
    ) -> Poll<Option<Result<Message, Error>>> {
        let code = error.close_code().filter(|_| self.phase == Phase::Open);
        if self.phase == Phase::Mute || (error.is_io() && self.outgoing.is_none()) {
            self.end(Half::Stream);
            return Poll::Ready(Some(Err(error)));
        }
        // Messages that were taken are sent, as far as the transport still takes them (ONE-WAY).
        self.phase = Phase::Closed;
        self.reading.clear();
        self.per_message.clear();
        if let Some(code) = code {
            let pushed = self.push_close(Some(&CloseFrame::new(code, error.to_string())));
            self.keep_failure(pushed);
            let _ = self.poll_drain(cx);
        }
        Poll::Ready(Some(Err(error)))
    }

    /// Both ends have closed: sends what is left, and ends the transport, in time. This is a
    /// function of its own, so that an open socket does not need its buffer on the stack.
    #[cold]
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = self.poll_end_of_transport(cx);
        let is_late = ended.is_pending() && self.poll_close_deadline(cx).is_ready();
        if ended.is_ready() || is_late {
            self.end(Half::Stream);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// RFC 6455 §7.1.1: the server closes the connection first, and the client when it sees that.
    /// The rest of the peer's bytes is read: unread bytes would make the system reset the
    /// connection and drop our close frame.
    fn poll_end_of_transport(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.phase == Phase::Closed {
            ready!(self.poll_flush_queue(cx));
            if self.phase == Phase::Ended {
                return Poll::Ready(Ok(()));
            }
            if self.role == Role::Server {
                ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            }
            self.phase = Phase::Sent;
        }
        // Not into a block: bytes that are dropped need no memory. This cannot spin for ever:
        // tokio's transports yield now and then.
        let mut dropped = [MaybeUninit::uninit(); DROPPED_LEN];
        let mut dropped = ReadBuf::uninit(&mut dropped);
        loop {
            ready!(poll_read_piece(Pin::new(&mut self.io), cx, &mut dropped))?;
            if dropped.filled().is_empty() {
                break;
            }
            dropped.clear();
        }
        if self.role == Role::Client {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer's time is over; it begins with the first call. Halves that wait to send
    /// are woken then.
    pub(in crate::ws) fn poll_close_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.keep_alive_state.config().close_timeout;
        let cold = self.cold.get_or_insert_default();
        let deadline = cold.close_deadline.get_or_insert_with(|| Sleep::new(timeout));
        match cold.halves.both() {
            Some(both) => deadline.poll_passed(&mut Context::from_waker(&both)),
            None => deadline.poll_passed(cx),
        }
    }
}
