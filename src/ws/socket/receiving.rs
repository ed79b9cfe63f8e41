//! The half of a socket that receives and answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use super::halves::Half;
use super::{Phase, WebSocket, leaving::farewell};
use crate::ws::{
    CloseFrame, Error, Message, Role, Utf8Chain,
    protocol::{
        header::{Header, OpCode},
        reading::{Incoming, Rules},
    },
};

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<T> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = this.poll_receive(cx);
        if polled.is_pending() && this.is_leaving() {
            // The queue is sent before the close frame.
            return match this.start_close(farewell()) {
                Ok(()) => this.poll_receive(cx),
                Err(error) => this.poll_fail(cx, error),
            };
        }
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Receives the next message, without a look at the socket's server.
    pub(in crate::ws) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        loop {
            match self.phase {
                Phase::Ended => return Poll::Ready(None),
                Phase::Closed | Phase::Sent => return self.poll_end(cx).map(|()| None),
                Phase::Open | Phase::Closing | Phase::Mute => {}
            }
            // The sink reports a failure; messages that have arrived are still received (ONE-WAY).
            let _ = self.poll_drain(cx);
            let is_deflating = self.per_message.is_agreed();
            if is_deflating || self.reading.has_bytes() {
                let rules = Rules {
                    config: self.keep_alive_state.config(),
                    is_server: self.role == Role::Server,
                    is_deflating,
                };
                match self.per_message.poll_decode(cx, &mut self.reading, rules) {
                    Poll::Ready(Ok(None)) => {}
                    Poll::Ready(Ok(Some(incoming))) => {
                        let received = self.receive(incoming);
                        // The answer leaves before the user sees the message.
                        let _ = self.poll_drain(cx);
                        return match received {
                            Ok(message) => Poll::Ready(Some(Ok(message))),
                            Err(error) => self.poll_fail(cx, error),
                        };
                    }
                    Poll::Ready(Err(error)) => return self.poll_fail(cx, error),
                    Poll::Pending => {
                        // This end keeps the peer waiting, so the peer is not silent.
                        self.keep_alive_state.heard();
                        return self.poll_silence(cx);
                    }
                }
            }
            match self.reading.poll_read(cx, Pin::new(&mut self.io)) {
                Poll::Ready(Ok(1..)) => self.keep_alive_state.heard(),
                // RFC 6455 §7.1.5: the end of the connection may be the only answer to a close
                // frame.
                Poll::Ready(Ok(0)) if self.phase == Phase::Closing => self.end(Half::Stream),
                Poll::Ready(Ok(0)) => return self.poll_fail(cx, Error::abrupt()),
                Poll::Ready(Err(error)) => return self.poll_fail(cx, error.into()),
                Poll::Pending => return self.poll_silence(cx),
            }
        }
    }
}

impl<T> WebSocket<T> {
    /// Answers a message if it needs an answer, and returns it for the user.
    #[inline]
    fn receive(&mut self, incoming: Incoming) -> Result<Message, Error> {
        Ok(match incoming {
            Incoming::Data { is_text: true, payload, .. } => {
                Message::Text(Utf8Chain::checked(payload))
            }
            Incoming::Data { payload, .. } => Message::Binary(payload),
            Incoming::Pong(payload) => Message::Pong(payload),
            Incoming::Ping(payload) => {
                if self.phase == Phase::Open {
                    self.push(Header::new(OpCode::Pong, payload.len()), payload.clone())?;
                }
                Message::Ping(payload)
            }
            Incoming::Close(frame) => {
                match self.phase {
                    Phase::Mute => self.end(Half::Stream),
                    Phase::Open => {
                        // RFC 6455 §5.5.1: the answer repeats the code that came.
                        let code = frame.as_ref().map(|frame| CloseFrame::new(frame.code, ""));
                        self.push_close(code.as_ref())?;
                        self.phase = Phase::Closed;
                    }
                    _ => self.phase = Phase::Closed,
                }
                self.reading.clear();
                Message::Close(frame)
            }
        })
    }
}
