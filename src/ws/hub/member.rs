//! `Member`: a socket that is in a hub.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    mailbox::{After, Leave, Mailbox},
    shared::{Place, Shared},
};
use crate::ws::{CloseCode, CloseFrame, Error, Message, WebSocket, halves::Half, outgoing::Frame};

/// A [`WebSocket`] that is in a [`Hub`](super::Hub): a stream of what its peer sends, which sends what is broadcast while it is polled.
///
/// So poll it: a member that is not polled is one that reads too slowly. Dropped, it is out, and its connection ends.
///
/// # Stream
/// As the socket's: to be polled to its end, after an error too. A member that is out (by policy, or because the hub was closed) tells its peer with a close frame, yields an error or the end, and
/// then `None`.
///
/// # Cancel safety
/// `recv` and `next` are cancel safe.
pub struct Member<T> {
    socket: WebSocket<T>,
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    place: Place,
}

impl<T> Member<T> {
    pub(super) fn new(socket: WebSocket<T>, shared: &Arc<Shared>) -> Self {
        let (mailbox, place) = shared.join();
        Self { socket, mailbox, shared: Arc::clone(shared), place }
    }

    /// The socket.
    pub fn get_ref(&self) -> &WebSocket<T> {
        &self.socket
    }

    /// How many messages this member missed because it had no room for them.
    pub fn dropped_count(&self) -> u64 {
        self.mailbox.dropped_count()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Member<T> {
    /// Receives the peer's next message, and sends what is broadcast meanwhile.
    ///
    /// # Errors
    /// As the stream's.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        // An async fn would keep its arguments twice, in the task of every idle member.
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// Sends a message to this peer alone, behind what its socket has begun to send.
    ///
    /// # Errors
    /// As [`WebSocket::send`]. If the member is out while the peer does not read, [`Error::is_closed`]: the stream tells the rest.
    ///
    /// # Cancel safety
    /// As [`WebSocket::send`].
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| match self.socket.poll_send_message(cx, &mut message) {
            Poll::Pending if self.mailbox.poll_end(cx).is_some() => Poll::Ready(Err(Error::closed())),
            polled => polled,
        })
    }

    /// Takes what is broadcast and sends it, as far as the transport goes.
    fn poll_broadcasts(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if !self.socket.is_open() {
            return Ok(());
        }
        let mut polled = self.socket.poll_sent(cx);
        loop {
            match polled {
                Poll::Pending => {
                    self.mailbox.wrote(self.socket.written());
                    return Ok(());
                }
                Poll::Ready(sent) => sent?,
            }
            let (mut after, mut last) = (After::default(), None);
            self.mailbox.take(cx, &mut after, |message| {
                let frame = Frame::new(message.header, message.payload.clone());
                if let Some(frame) = last.replace(frame) {
                    self.socket.push_frame(frame);
                }
            });
            let Some(frame) = last else {
                after.finish();
                return Ok(());
            };
            polled = self.socket.poll_send_frame(cx, Half::Stream, frame);
            // Not before they are in the socket: the waker of a sender may panic.
            after.finish();
        }
    }

    /// The socket takes no more broadcasts: nothing waits for it, and what it has sent is let go.
    fn settle(&self) {
        let mut after = After::default();
        self.mailbox.leave(Leave::Gone, &mut after);
        if !self.socket.is_sending() {
            self.mailbox.let_go(&mut after);
        }
        after.finish();
    }

    /// Tells the peer why it is out.
    fn part(&mut self, why: Leave) -> Result<(), Error> {
        let (code, reason) = match why {
            Leave::TooSlow => (CloseCode::POLICY, "messages are read too slowly"),
            Leave::OverShare => (CloseCode::POLICY, "too many messages wait"),
            Leave::HubClosed => (CloseCode::GOING_AWAY, "the feed has ended"),
            Leave::Gone => return Ok(()),
        };
        self.socket.start_close(CloseFrame::new(code, reason))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for Member<T> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let end = this.mailbox.poll_end(cx);
        let done = match end {
            Some(why) => this.part(why),
            None => this.poll_broadcasts(cx),
        };
        if let Err(error) = done {
            return this.socket.poll_fail(cx, error);
        }
        if end == Some(Leave::OverShare) && this.socket.poll_sent(cx).is_pending() {
            // Its peer does not read: nothing can be told it, and what it pins is needed (SHARE).
            this.socket.end(Half::Stream);
            this.settle();
            return Poll::Ready(Some(Err(Error::silent())));
        }
        let polled = Pin::new(&mut this.socket).poll_next(cx);
        if !this.socket.is_open() {
            this.settle();
        }
        polled
    }
}

impl<T> Drop for Member<T> {
    fn drop(&mut self) {
        self.shared.leave(self.place);
    }
}

impl<T: fmt::Debug> fmt::Debug for Member<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("socket", &self.socket).field("place", &self.place).finish_non_exhaustive()
    }
}
