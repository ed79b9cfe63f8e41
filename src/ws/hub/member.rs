//! `Member`: a socket in a hub.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    mailbox::{Force, Leave, Mailbox},
    shared::Shared,
};
use crate::{
    util::{AfterUnlock, SlotId},
    ws::{
        CloseCode, CloseFrame, Error, Message, WebSocket,
        protocol::outgoing::Frame,
        socket::{farewell, halves::Half},
    },
};

/// A [`WebSocket`] in a [`Hub`](super::Hub): a stream of the peer's messages, which also sends the
/// broadcasts while it is polled.
///
/// So poll it all the time: a member that is not polled counts as too slow. A drop puts the member
/// out and ends its connection; messages that are not sent are lost.
///
/// # Stream
/// As the socket's stream: poll it to its end, after an error too. A member that is out, by policy
/// or because the hub was closed, sends its peer a close frame, yields an error or the end, and
/// then `None`. After [`Hub::close`](super::Hub::close) it sends its mailbox first.
///
/// # Delivery
/// `send` returns when its message is written. [`close`](Self::close) sends the whole mailbox, and
/// then a close frame. A drop loses what is not written.
///
/// # Cancel safety
/// `recv` and `next` are cancel safe.
///
/// # Examples
/// A member that hears its peer and sends to it, while broadcasts go out:
/// ```
/// use leasehold::{Pool, ws::{Hub, Message, Role, WebSocket}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let hub = Hub::new(&pool.account("feed", 1 << 20));
/// let (near, far) = tokio::io::duplex(1 << 10);
/// let mut member = hub.join(WebSocket::new(near, Role::Server, &pool));
/// let task = tokio::spawn(async move {
///     while let Some(Ok(message)) = member.recv().await {
///         if message.is_data() {
///             member.send("for you alone").await?;
///         }
///     }
///     Ok::<_, leasehold::ws::Error>(())
/// });
///
/// let mut client = WebSocket::new(far, Role::Client, &pool);
/// client.send("hello").await?;
/// assert_eq!(client.recv().await.transpose()?, Some(Message::from("for you alone")));
/// hub.send("for all").await?;
/// assert_eq!(client.recv().await.transpose()?, Some(Message::from("for all")));
/// client.close(None).await?;
/// task.await??;
/// assert!(hub.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Member<T> {
    socket: WebSocket<T>,
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    place: SlotId,
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
    /// Receives the peer's next message, and sends broadcasts meanwhile.
    ///
    /// # Errors
    /// As the stream.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        // An async fn would keep its arguments twice, in the task of every idle member.
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// Sends a message to this peer alone, behind what its socket has begun to send.
    /// [`Message::Close`] goes behind the whole mailbox.
    ///
    /// # Errors
    /// As [`WebSocket::send`]. If the member is out while the peer does not read,
    /// [`Error::is_closed`]; then the stream yields the reason.
    ///
    /// # Cancel safety
    /// As [`WebSocket::send`].
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| self.poll_send(cx, &mut message))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        if let Some(Message::Close(frame)) = message {
            let frame = frame.take();
            *message = None;
            self.start_close(frame);
        }
        // A message that was taken before may wait too; it is flushed with the close frame.
        if message.is_none() && self.mailbox.is_closing() {
            ready!(self.poll_mailbox_closed(cx))?;
            return self.socket.poll_send_message(cx, message);
        }
        match self.socket.poll_send_message(cx, message) {
            Poll::Pending if self.mailbox.poll_end(cx).is_some() => {
                Poll::Ready(Err(Error::closed()))
            }
            polled => polled,
        }
    }

    /// Sends the whole mailbox and a close frame, then waits for the peer's close frame and for the
    /// end of the connection: all within [`close_timeout`](crate::ws::Config::close_timeout).
    /// Messages that still come are dropped.
    ///
    /// # Errors
    /// As [`WebSocket::close`].
    ///
    /// # Cancel safety
    /// Resumable: call it again.
    pub async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        self.start_close(frame);
        while self.recv().await.transpose()?.is_some() {}
        Ok(())
    }

    /// Takes no more broadcasts; the close frame goes behind those that were taken.
    fn start_close(&mut self, frame: Option<CloseFrame>) {
        let mut after = AfterUnlock::default();
        self.mailbox.close(frame.unwrap_or_default(), &mut after);
        after.finish();
    }

    /// Sends the whole mailbox, and queues the close frame behind it, in time (ACCEPTED).
    fn poll_mailbox_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let why = self.mailbox.poll_end(cx).unwrap_or(Leave::Gone);
        if why.force() == Force::AfterAll && self.poll_broadcasts(cx).is_pending() {
            ready!(self.socket.poll_close_deadline(cx));
            self.cut();
            return Poll::Ready(Err(Error::silent()));
        }
        Poll::Ready(self.part(why))
    }

    /// Ends the connection: bytes that the peer has not taken are lost.
    fn cut(&mut self) {
        self.socket.end(Half::Stream);
        self.settle();
    }

    /// Takes broadcasts and sends them, as far as the transport takes them; ready when none is
    /// left.
    fn poll_broadcasts(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut polled = self.socket.poll_drain(cx);
        while self.socket.is_open() {
            if polled.is_pending() {
                self.mailbox.wrote(self.socket.written());
                return Poll::Pending;
            }
            let (mut after, mut last) = (AfterUnlock::default(), None);
            self.mailbox.take(cx, &mut after, |message| {
                let frame = Frame::new(message.header, message.payload.clone());
                if let Some(frame) = last.replace(frame) {
                    self.socket.push_frame(frame);
                }
            });
            let Some(frame) = last else {
                after.finish();
                return Poll::Ready(());
            };
            polled = self.socket.poll_drain_frame(cx, frame);
            // Only after the messages are in the socket: the waker of a sender may panic.
            after.finish();
        }
        Poll::Ready(())
    }

    /// For a socket that takes no more broadcasts: drops the messages that it has sent.
    fn settle(&self) {
        let mut after = AfterUnlock::default();
        self.mailbox.leave(Leave::Gone, &mut after);
        if !self.socket.is_sending() {
            self.mailbox.let_go(&mut after);
        }
        after.finish();
    }

    /// Sends the close frame that says why the member is out.
    fn part(&mut self, why: Leave) -> Result<(), Error> {
        let (code, reason) = match why {
            Leave::TooSlow => (CloseCode::POLICY, "messages are read too slowly"),
            Leave::OverShare => (CloseCode::POLICY, "too many messages wait"),
            Leave::HubClosed | Leave::Aborted => (CloseCode::GOING_AWAY, "the feed has ended"),
            Leave::Closing => return self.socket.start_close(self.mailbox.farewell()),
            Leave::Gone => return Ok(()),
        };
        self.socket.start_close(CloseFrame::new(code, reason))
    }

    /// Sends broadcasts, or the farewell. An error is the last item of the stream.
    fn poll_outbound(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(why) = self.mailbox.poll_end(cx) else {
            let _ = self.poll_broadcasts(cx);
            return Ok(());
        };
        if why.force() == Force::AfterAll {
            return match self.poll_mailbox_closed(cx) {
                Poll::Ready(closed) => closed,
                Poll::Pending => Ok(()),
            };
        }
        self.part(why)?;
        let is_sent = why.force() < Force::Cut || self.socket.poll_drain(cx).is_ready();
        if why == Leave::Aborted {
            self.cut();
            return Err(Error::closed());
        }
        if !is_sent {
            // The peer does not read, so it cannot be told; and the memory is needed (SHARE).
            self.cut();
            return Err(Error::silent());
        }
        Ok(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for Member<T> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = this.poll_both_ways(cx);
        if polled.is_pending() && this.socket.is_leaving() && !this.mailbox.is_closing() {
            // The server stops. The mailbox is sent before the close frame.
            this.start_close(Some(farewell()));
            return this.poll_both_ways(cx);
        }
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Member<T> {
    /// Sends and receives.
    fn poll_both_ways(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if !self.socket.has_ended()
            && let Err(error) = self.poll_outbound(cx)
        {
            let is_cut = self.socket.has_ended();
            return if is_cut {
                Poll::Ready(Some(Err(error)))
            } else {
                self.socket.poll_fail(cx, error)
            };
        }
        let polled = self.socket.poll_receive(cx);
        if !self.socket.is_open() {
            self.settle();
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
        f.debug_struct("Member")
            .field("socket", &self.socket)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
