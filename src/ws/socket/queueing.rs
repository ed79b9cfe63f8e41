//! From a message to the queue: frames are made, compressed and masked.
//!
//! # Invariants
//! - ONE-WAITS: while a message waits for memory or for a compressor, no other message is taken.

use std::task::{Context, Poll, ready};

use super::halves::Half;
use super::{Phase, WebSocket};
use crate::{
    chain::Chain,
    ws::{
        Error, Message, Role,
        protocol::{
            header::{CONTROL_LEN_MAX, Header, OpCode},
            mask::Mask,
            masking::Masking,
            outgoing::Frame,
        },
    },
};
use bytes::Bytes;

impl<T> WebSocket<T> {
    /// Whether a message waits to be compressed, or masked.
    pub(super) fn is_queueing(&self) -> bool {
        self.per_message.is_deflating()
            || self.cold.as_ref().is_some_and(|cold| cold.masking.is_some())
    }

    /// Makes the frame of a message. Returns none if the message is queued already, or waits to be
    /// compressed or masked.
    #[inline]
    pub(super) fn admit(&mut self, message: Message) -> Result<Option<Frame>, Error> {
        if self.phase != Phase::Open {
            return Err(Error::closed());
        }
        let (opcode, payload) = match message {
            Message::Text(text) => (OpCode::Text, text.into_chain()),
            Message::Binary(chain) => (OpCode::Binary, chain),
            Message::Ping(chain) => (OpCode::Ping, chain),
            Message::Pong(chain) => (OpCode::Pong, chain),
            Message::Close(frame) => {
                return self.start_close(frame.unwrap_or_default()).map(|()| None);
            }
        };
        if opcode.is_control() && payload.len() > CONTROL_LEN_MAX {
            return Err(Error::too_long("a ping or pong", payload.len() as u64, CONTROL_LEN_MAX));
        }
        let mut ready = (Header::new(opcode, payload.len()), payload);
        if self.per_message.is_agreed() && !opcode.is_control() {
            let Some(deflated) = self.per_message.deflate(ready.0, ready.1, self.reading.chain())
            else {
                return Ok(None);
            };
            ready = deflated;
        }
        self.frame(ready.0, ready.1)
    }

    /// Queues the message that waits to be compressed or masked, if there is memory for it at once.
    /// If not, the sink reports it (SINK-REPORTS).
    #[cold]
    pub(super) fn give_up_queueing(&mut self) {
        if let Some((header, payload)) = self.per_message.give_up_deflating() {
            let pushed = self.push(header, payload);
            self.keep_failure(pushed);
        }
        let (masking, halves) =
            self.take_rare(|cold| (cold.masking.take(), std::mem::take(&mut cold.halves)));
        if masking.is_some() {
            self.keep_failure(Err(Error::closed()));
        }
        // The task that sends waits for memory or for a compressor; it must look again.
        halves.wake_other(Half::Stream);
    }

    /// Queues a frame.
    pub(super) fn push(&mut self, header: Header, payload: Chain) -> Result<(), Error> {
        if let Some(frame) = self.frame(header, payload)? {
            self.push_frame(frame);
        }
        Ok(())
    }

    /// Makes a frame. Returns none if it waits for memory first.
    #[inline]
    fn frame(&mut self, header: Header, payload: Chain) -> Result<Option<Frame>, Error> {
        match self.role {
            Role::Server => Ok(Some(Frame::new(header, payload))),
            Role::Client => self.mask(header, payload),
        }
    }

    fn mask(&mut self, header: Header, payload: Chain) -> Result<Option<Frame>, Error> {
        let key = rand::random();
        if header.opcode.is_control() {
            // Control frames have at most 125 bytes, far less than a block. A pong or a close frame
            // needs no lease (CLOSE-IN-TIME).
            let mut payload = payload.to_vec();
            Mask::new(key).apply(&mut payload);
            return Ok(Some(Frame::new(
                Header { mask: Some(key), ..header },
                Bytes::from(payload).into(),
            )));
        }
        let mut masking = Masking::new(payload, self.reading.chain().sibling());
        match masking.try_mask(key) {
            Ok(payload) => Ok(Some(Frame::new(Header { mask: Some(key), ..header }, payload))),
            Err(error) if error.is_exhausted() || error.is_over_limit() => {
                self.cold.get_or_insert_default().masking = Some(Box::new((header, masking)));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::ws) fn push_frame(&mut self, frame: Frame) {
        self.outgoing.get_or_insert_default().push(frame);
    }
}

impl<T> WebSocket<T> {
    /// Compresses and masks the messages that wait for that; most sockets have none.
    #[inline]
    pub(super) fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.cold.is_none() && !self.per_message.is_agreed() {
            return Poll::Ready(Ok(()));
        }
        self.poll_waiting(cx)
    }

    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_masking(cx))?;
        if let Some((header, payload)) = ready!(self.per_message.poll_deflate(cx)) {
            self.push(header, payload)?;
        }
        self.poll_masking(cx)
    }

    fn poll_masking(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(waiting) = self.cold.as_mut().and_then(|cold| cold.masking.as_mut()) {
            let (header, masking) = &mut **waiting;
            let (header, key) = (*header, rand::random());
            let masked = ready!(masking.poll_mask(cx, key));
            self.take_rare(|cold| cold.masking.take());
            self.push_frame(Frame::new(Header { mask: Some(key), ..header }, masked?));
        }
        Poll::Ready(Ok(()))
    }
}
