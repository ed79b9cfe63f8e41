//! The half of a socket that sends: from the queue to the transport. Either task may run it.
//!
//! # Invariants
//! - HALVES: one task may send while another one receives. If both wait for the transport, it wakes
//!   both.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use super::halves::Half;
use super::{Phase, WebSocket};
use crate::{
    io::poll_write_all_buf,
    ws::{CloseFrame, Error, Message, protocol::outgoing::Frame},
};

impl<T> WebSocket<T> {
    /// Whether anything is queued.
    pub(in crate::ws) fn is_sending(&self) -> bool {
        self.outgoing.is_some()
    }

    /// How many bytes the transport has taken since the queue was last empty.
    pub(in crate::ws) fn written(&self) -> usize {
        self.outgoing.as_ref().map_or(0, |outgoing| outgoing.written())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Takes the message out of `message`, and sends it.
    pub(in crate::ws) fn poll_send_message(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        if message.is_some() {
            ready!(Pin::new(&mut *self).poll_ready(cx))?;
        }
        if let Some(message) = message.take()
            && let Some(frame) = self.admit(message)?
        {
            return self.poll_send_frame(cx, Half::Sink, frame);
        }
        Pin::new(self).poll_flush(cx)
    }

    /// Writes the queue and flushes the transport, for the task that receives. Does nothing if the
    /// queue is empty. A failure is kept for the sink (ONE-WAY).
    pub(in crate::ws) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_sent =
            self.outgoing.is_none() && self.cold.as_ref().is_none_or(|cold| cold.halves.is_empty());
        if is_sent {
            return Poll::Ready(());
        }
        self.poll_flush_queue(cx)
    }

    /// Writes the queue, and flushes the transport, for the task that receives. A failure is kept
    /// for the sink (ONE-WAY).
    pub(super) fn poll_flush_queue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_send(cx, Half::Stream).map(|sent| self.keep_failure(sent))
    }

    /// Writes a frame behind the queue, for the task that receives. A failure is kept for the sink
    /// (ONE-WAY).
    pub(in crate::ws) fn poll_drain_frame(
        &mut self,
        cx: &mut Context<'_>,
        frame: Frame,
    ) -> Poll<()> {
        self.poll_send_frame(cx, Half::Stream, frame).map(|sent| self.keep_failure(sent))
    }

    /// Writes a frame behind the queue. If the queue is empty, the frame is written at once, and
    /// only the rest that the transport does not take is queued.
    #[inline]
    fn poll_send_frame(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
        mut frame: Frame,
    ) -> Poll<Result<(), Error>> {
        if self.outgoing.is_some() {
            self.push_frame(frame);
            return self.poll_send(cx, half);
        }
        let polled = match poll_write_all_buf(Pin::new(&mut self.io), cx, &mut frame) {
            Poll::Ready(Ok(())) => self.poll_write(cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending => {
                self.push_frame(frame);
                Poll::Pending
            }
        };
        self.poll_halves(cx, half, polled)
    }

    /// Writes the queue, for the task of either half.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
    ) -> Poll<Result<(), Error>> {
        let polled = self.poll_write(cx);
        self.poll_halves(cx, half, polled)
    }

    /// Makes frames of the messages that wait for memory or for a compressor. The queue is sent
    /// meanwhile: it may hold the memory that they wait for.
    #[inline]
    pub(super) fn poll_queued(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let queued = self.poll_queue(cx);
        if queued.is_pending() {
            if self.outgoing.is_some() {
                let _ = self.poll_send(cx, Half::Sink)?;
            }
            // The task that receives may give the message up; then it wakes this task.
            self.cold.get_or_insert_default().halves.note(Half::Sink, cx.waker());
        }
        queued
    }

    /// Notes the task if it waits; otherwise wakes the other one. After a failure nothing is sent
    /// any more.
    #[inline]
    fn poll_halves(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
        polled: Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        if matches!(polled, Poll::Ready(Ok(()))) && self.cold.is_none() {
            return polled;
        }
        self.poll_both_halves(cx, half, polled)
    }

    fn poll_both_halves(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
        polled: Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        if polled.is_pending() {
            // A transport remembers only the last task, so it is given a waker of both (HALVES).
            let Some(both) = self.cold.get_or_insert_default().halves.wait(half, cx.waker()) else {
                return Poll::Pending;
            };
            return match self.poll_write(&mut Context::from_waker(&both)) {
                Poll::Pending => Poll::Pending,
                polled => self.poll_both_halves(cx, half, polled),
            };
        }
        if matches!(polled, Poll::Ready(Err(_))) {
            self.mute();
        }
        self.take_rare(|cold| std::mem::take(&mut cold.halves)).wake_other(half);
        polled
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(outgoing) = &mut self.outgoing {
            ready!(poll_write_all_buf(Pin::new(&mut self.io), cx, &mut **outgoing))?;
            self.outgoing = None;
        }
        Poll::Ready(Ok(ready!(Pin::new(&mut self.io).poll_flush(cx))?))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<T> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.phase != Phase::Open {
            return Poll::Ready(Err(this.take_failure().unwrap_or_else(Error::closed)));
        }
        ready!(this.poll_queued(cx))?;
        if this
            .outgoing
            .as_ref()
            .is_some_and(|outgoing| outgoing.cost() >= this.keep_alive_state.config().max_queued)
        {
            ready!(this.poll_send(cx, Half::Sink))?;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        if let Some(frame) = this.admit(message)? {
            this.push_frame(frame);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if let Some(failure) = this.take_failure() {
            return Poll::Ready(Err(failure)); // SINK-REPORTS
        }
        match this.phase {
            Phase::Mute => return Poll::Ready(Err(Error::closed())),
            Phase::Ended => return Poll::Ready(Ok(())),
            Phase::Open | Phase::Closing | Phase::Closed | Phase::Sent => {}
        }
        ready!(this.poll_queued(cx))?;
        let sent = this.poll_send(cx, Half::Sink);
        if sent.is_pending() && this.phase != Phase::Open && this.poll_close_deadline(cx).is_ready()
        {
            this.end(Half::Sink);
            let _ = this.take_failure(); // it is reported now
            return Poll::Ready(Err(Error::silent()));
        }
        sent
    }

    /// Sends a close frame, if none was sent, in time (CLOSE-IN-TIME). The stream receives the
    /// peer's close frame.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.phase == Phase::Open {
            // The close frame goes behind the queue, however long that is: the peer's time begins
            // now.
            ready!(self.poll_queued(cx))?;
            self.start_close(CloseFrame::default())?;
        }
        self.poll_flush(cx)
    }
}
