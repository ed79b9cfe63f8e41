//! `WebSocket`: a transport as a stream and a sink of messages.
//!
//! ```text
//!          we send a close frame              the peer's close frame
//!   Open ─────────────────────────▶ Closing ─────────────────────────▶ Closed ──▶ Ended
//!     │       the peer's close frame: it is answered                      ▲   flushed, and the
//!     └───────────────────────────────────────────────────────────────────┘   transport ended
//! ```
//!
//! # Invariants
//! - ONE-CLOSE: one close frame is sent, and nothing behind it (RFC 6455 §5.5.1).
//! - NO-FREEZE: from our close frame on, the peer has `close_timeout`. Neither a pong nor a close frame needs a block.
//! - HALVES: one task may send and another receive; what both wait for wakes both.

use std::{
    fmt,
    future::{Future, poll_fn},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    close::CloseFrame,
    config::Config,
    deflate::PerMessage,
    error::Error,
    halves::{Half, Halves},
    header::{CONTROL_LEN_MAX, Header, OpCode},
    heart::{Heart, Pulse},
    mask::Mask,
    masking::Masking,
    message::Message,
    outgoing::{Frame, Outgoing},
    reading::{Incoming, Reading, Rules},
    utf8_chain::Utf8Chain,
};
use crate::{
    chain::{Chain, ChainMut},
    io::poll_write_all_buf,
    pool::Pool,
    sync::Sleep,
};

/// After both have closed so much is read, and dropped, at once; on the stack.
const DROPPED_LEN: usize = 4 << 10;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Masks nothing, and takes only what is masked.
    Server,
    /// Masks what it sends, and takes only what is not masked.
    Client,
}

/// A transport after its handshake, as a [`Stream`] and [`Sink`] of [`Message`]s, out of leased blocks.
///
/// A message is a chain: its payload stays in the blocks it was read into, and is sent from the blocks it lies in. Between messages the socket
/// holds no block, whatever it carried before. Pings are answered, and close frames, while the socket is read.
///
/// # Stream
/// Ends with `None` once both ends have closed and all was sent. An error is told to the peer with a close frame if that helps, and followed by
/// `None`. Drop the socket then, and not before: what the peer was still sending would make the system reset the connection, and the close frame
/// be lost.
///
/// # Sink
/// A message waits for the transport once [`high_mark`](Config::high_mark) bytes are queued. It is sent at the latest by `flush`.
/// [`Message::Close`] is the last that is taken.
///
/// # Errors
/// [`Error`].
///
/// # Cancel safety
/// `recv`, `next` and `flush` are cancel safe. A `send` that is dropped may or may not have taken its message.
///
/// # Panics
/// If it must wait for memory, or for a peer to close, outside of a tokio runtime with time enabled.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::{Message, Role, WebSocket}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), leasehold::ws::Error> {
/// # let pool = Pool::new(8 << 20).unwrap();
/// let (near, far) = tokio::io::duplex(1 << 10);
/// let mut server = WebSocket::new(near, Role::Server, &pool);
/// let mut client = WebSocket::new(far, Role::Client, &pool);
/// client.send("hello").await?;
/// assert_eq!(server.recv().await.unwrap()?, Message::from("hello"));
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
pub struct WebSocket<T> {
    io: T,
    reading: Reading,
    outgoing: Option<Box<Outgoing>>,
    /// Messages that are being inflated or compressed.
    per_message: PerMessage,
    rare: Option<Box<Rare>>,
    heart: Heart,
    role: Role,
    phase: Phase,
}

/// What few sockets have, and none for long.
#[derive(Default)]
struct Rare {
    /// A client's message that waits for memory to be masked in.
    masking: Option<Box<(Header, Masking)>>,
    /// While something is queued that the transport does not take.
    halves: Halves,
    close_deadline: Option<Sleep>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Closed,
    Ended,
}

impl<T> WebSocket<T> {
    /// A socket whose handshake is over, with the default settings. What it reads is charged to `pool`.
    pub fn new(io: T, role: Role, pool: &Pool) -> Self {
        Self::with_config(io, role, pool, Config::shared())
    }

    /// As [`new`](Self::new), with settings that sockets share.
    pub fn with_config(io: T, role: Role, pool: &Pool, config: Arc<Config>) -> Self {
        Self::with_early(io, role, ChainMut::new(pool), config)
    }

    /// As [`with_config`](Self::with_config), with bytes that the handshake has read too many: they lie in leased blocks, and more is charged to
    /// where the chain leases from.
    pub(super) fn with_early(io: T, role: Role, early: ChainMut, config: Arc<Config>) -> Self {
        Self {
            io,
            reading: Reading::new(early),
            outgoing: None,
            per_message: PerMessage::default(),
            rare: None,
            heart: Heart::new(config),
            role,
            phase: Phase::Open,
        }
    }

    /// Compresses messages, and takes compressed ones, as the handshake agreed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, agreement: super::DeflateAgreement) -> Self {
        self.with_per_message(PerMessage::new(agreement))
    }

    pub(super) fn with_per_message(self, per_message: PerMessage) -> Self {
        Self { per_message, ..self }
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The transport. Reading from it or writing to it disturbs the frames.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The transport alone; what is buffered is lost.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Whether messages can be sent: no close frame was sent or received, and nothing failed.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Queues a frame.
    fn push(&mut self, header: Header, payload: Chain) -> Result<(), Error> {
        if let Some((header, payload)) = self.mask(header, payload)? {
            self.push_masked(header, payload);
        }
        Ok(())
    }

    /// A frame as it is sent; none if it waits for memory first.
    fn mask(&mut self, header: Header, payload: Chain) -> Result<Option<(Header, Chain)>, Error> {
        if self.role == Role::Server {
            return Ok(Some((header, payload)));
        }
        let key = rand::random();
        if header.opcode.is_control() {
            // At most 125 bytes, far less than a block: whoever is told of an error, or that we are alive, needs no lease (NO-FREEZE).
            let mut payload = payload.to_vec();
            Mask::new(key).apply(&mut payload);
            return Ok(Some((Header { mask: Some(key), ..header }, Bytes::from(payload).into())));
        }
        let mut masking = Masking::new(payload, self.reading.chain().sibling());
        match masking.try_mask(key) {
            Ok(payload) => Ok(Some((Header { mask: Some(key), ..header }, payload))),
            Err(error) if error.is_exhausted() || error.is_over_limit() => {
                self.rare.get_or_insert_default().masking = Some(Box::new((header, masking)));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn push_masked(&mut self, header: Header, payload: Chain) {
        let outgoing = self.outgoing.get_or_insert_default();
        match header.opcode {
            OpCode::Pong => outgoing.push_pong(header, payload),
            _ => outgoing.push(header, payload),
        }
    }

    /// Whether anything is queued.
    pub(super) fn is_sending(&self) -> bool {
        self.outgoing.is_some()
    }

    /// How much of what is queued, and before it without a pause, the transport has taken.
    pub(super) fn written(&self) -> usize {
        self.outgoing.as_ref().map_or(0, |outgoing| outgoing.written())
    }

    /// Queues a frame.
    pub(super) fn push_frame(&mut self, frame: Frame) {
        self.outgoing.get_or_insert_default().push_frame(frame);
    }

    /// What is to be sent of a message; none if that is queued already, or waits to be compressed.
    fn admit(&mut self, message: Message) -> Result<Option<(Header, Chain)>, Error> {
        if self.phase != Phase::Open {
            return Err(Error::closed());
        }
        let (opcode, payload) = match message {
            Message::Text(text) => (OpCode::Text, text.into_chain()),
            Message::Binary(chain) => (OpCode::Binary, chain),
            Message::Ping(chain) => (OpCode::Ping, chain),
            Message::Pong(chain) => (OpCode::Pong, chain),
            Message::Close(frame) => return self.start_close(frame.unwrap_or_default()).map(|()| None),
        };
        if opcode.is_control() && payload.len() > CONTROL_LEN_MAX {
            return Err(Error::too_long("a ping or pong", payload.len() as u64, CONTROL_LEN_MAX));
        }
        let header = Header::new(opcode, payload.len());
        if opcode.is_control() {
            return Ok(Some((header, payload)));
        }
        Ok(self.per_message.deflate(header, payload, self.reading.chain()))
    }

    /// Begins to close, if that was not done before.
    pub(super) fn start_close(&mut self, frame: CloseFrame) -> Result<(), Error> {
        if self.phase != Phase::Open {
            return Ok(());
        }
        self.phase = Phase::Closing;
        self.push_close(Some(&frame))
    }

    /// Queues the one close frame. A message that still waits for memory then is not sent any more (ONE-CLOSE).
    fn push_close(&mut self, frame: Option<&CloseFrame>) -> Result<(), Error> {
        if let Some((header, payload)) = self.per_message.give_up_deflating() {
            // If there is no memory to mask it in, it is not sent either.
            let _ = self.push(header, payload);
        }
        self.take_rare(|rare| rare.masking.take());
        let payload = Chain::from(Bytes::from(frame.map(CloseFrame::payload).unwrap_or_default()));
        self.push(Header::new(OpCode::Close, payload.len()), payload)
    }

    /// Nothing is sent or received any more, and nothing is held.
    pub(super) fn end(&mut self) {
        self.outgoing = None;
        self.reading.clear();
        self.per_message = PerMessage::default();
        self.phase = Phase::Ended;
        if let Some(rare) = self.rare.take() {
            rare.halves.wake_other(Half::Stream);
        }
    }

    /// Takes something that is rare, and gives the box back if it was the last.
    fn take_rare<R: Default>(&mut self, take: impl FnOnce(&mut Rare) -> R) -> R {
        let Some(rare) = &mut self.rare else { return R::default() };
        let taken = take(rare);
        if rare.masking.is_none() && rare.halves.is_empty() && rare.close_deadline.is_none() {
            self.rare = None;
        }
        taken
    }

    /// What is to be told the user of what came.
    fn receive(&mut self, incoming: Incoming) -> Result<Message, Error> {
        Ok(match incoming {
            Incoming::Data { is_text: true, payload, .. } => Message::Text(Utf8Chain::checked(payload)),
            Incoming::Data { payload, .. } => Message::Binary(payload),
            Incoming::Pong(payload) => Message::Pong(payload),
            Incoming::Ping(payload) => {
                if self.phase == Phase::Open {
                    self.push(Header::new(OpCode::Pong, payload.len()), payload.clone())?;
                }
                Message::Ping(payload)
            }
            Incoming::Close(frame) => {
                if self.phase == Phase::Open {
                    // RFC 6455 §5.5.1: with the code that came.
                    let code = frame.as_ref().map(|frame| CloseFrame::new(frame.code, ""));
                    self.push_close(code.as_ref())?;
                }
                self.phase = Phase::Closed;
                self.reading.clear();
                Message::Close(frame)
            }
        })
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Receives the next message; none once both ends have closed.
    ///
    /// # Errors
    /// As the stream's.
    ///
    /// # Cancel safety
    /// Cancel safe: what was read stays here.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        // An async fn would keep its arguments twice, in the task of every idle socket.
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The transport failed, no memory was to be had to mask it in, or the socket is closed ([`Error::is_closed`]).
    ///
    /// # Cancel safety
    /// A `send` that is dropped may or may not have sent its message; it never sends a part.
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| self.poll_send_message(cx, &mut message))
    }

    /// Sends a message, once it is taken from where it lies.
    pub(super) fn poll_send_message(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        if message.is_some() {
            ready!(Pin::new(&mut *self).poll_ready(cx))?;
        }
        if let Some(message) = message.take()
            && let Some((header, payload)) = self.admit(message)?
            && let Some((header, payload)) = self.mask(header, payload)?
        {
            return self.poll_send_frame(cx, Half::Sink, Frame::new(header, payload));
        }
        Pin::new(self).poll_flush(cx)
    }

    /// Closes: sends a close frame, waits for the peer's, and for the end of the connection. What still comes is dropped.
    ///
    /// # Errors
    /// The transport failed before the close frame was sent, or the peer sent something wrong.
    ///
    /// # Cancel safety
    /// Resumable: call it again.
    pub async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        if self.phase == Phase::Open {
            // It is queued, even if the peer does not read: the time that it has begins now (NO-FREEZE).
            poll_fn(|cx| self.poll_queue(cx)).await?;
            self.start_close(frame.unwrap_or_default())?;
        }
        while self.recv().await.transpose()?.is_some() {}
        Ok(())
    }

    /// Writes what is queued; nothing if nothing is.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.outgoing.is_some() { self.poll_send(cx, Half::Stream) } else { Poll::Ready(Ok(())) }
    }

    /// Writes a frame, behind what is queued; if nothing is, only what the transport does not take is queued, and most leave without.
    pub(super) fn poll_send_frame(
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
            // A failure is met again.
            polled => {
                self.push_frame(frame);
                polled.map_err(Error::from)
            }
        };
        self.poll_halves(cx, half, polled)
    }

    /// Writes what is queued, for the task that sends or the one that receives.
    fn poll_send(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<Result<(), Error>> {
        let polled = self.poll_write(cx);
        self.poll_halves(cx, half, polled)
    }

    /// Takes note of the task if it waits, and else tells the other one.
    fn poll_halves(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
        polled: Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        if polled.is_pending() {
            // A transport knows the last task that it told to wait: it is told of both (HALVES).
            return match self.rare.get_or_insert_default().halves.wait(half, cx.waker()) {
                Some(both) => self.poll_write(&mut Context::from_waker(&both)),
                None => Poll::Pending,
            };
        }
        self.take_rare(|rare| std::mem::take(&mut rare.halves)).wake_other(half);
        polled
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(outgoing) = &mut self.outgoing {
            ready!(poll_write_all_buf(Pin::new(&mut self.io), cx, &mut **outgoing))?;
            self.outgoing = None;
        }
        Poll::Ready(Ok(ready!(Pin::new(&mut self.io).poll_flush(cx))?))
    }

    /// Compresses and masks the messages that wait for it.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_masking(cx))?;
        if let Some((header, payload)) = ready!(self.per_message.poll_deflate(cx)) {
            self.push(header, payload)?;
        }
        self.poll_masking(cx)
    }

    fn poll_masking(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(waiting) = self.rare.as_mut().and_then(|rare| rare.masking.as_mut()) {
            let (header, masking) = &mut **waiting;
            let (header, key) = (*header, rand::random());
            let Poll::Ready(masked) = masking.poll_mask(cx, key) else {
                // What is queued before it may hold the memory.
                let _ = self.poll_send(cx, Half::Sink)?;
                return Poll::Pending;
            };
            self.take_rare(|rare| rare.masking.take());
            self.push_masked(Header { mask: Some(key), ..header }, masked?);
        }
        Poll::Ready(Ok(()))
    }

    /// The last word: the peer is told, and the user.
    pub(super) fn poll_fail(&mut self, cx: &mut Context<'_>, error: Error) -> Poll<Option<Result<Message, Error>>> {
        let code = error.close_code().filter(|_| self.phase == Phase::Open);
        if error.is_io() {
            self.end();
            return Poll::Ready(Some(Err(error)));
        }
        self.phase = Phase::Closed;
        self.reading.clear();
        self.per_message.clear();
        if let Some(code) = code {
            // Whatever becomes of it: there is one error to tell.
            let _ = self.push_close(Some(&CloseFrame::new(code, error.to_string())));
            let _ = self.poll_send(cx, Half::Stream);
        }
        Poll::Ready(Some(Err(error)))
    }

    /// Both have closed: sends what is left, and ends the transport, in time.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = self.poll_end_of_transport(cx);
        let is_late = ended.is_pending() && self.poll_close_deadline(cx).is_ready();
        if ended.is_ready() || is_late {
            self.end();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// RFC 6455 §7.1.1: the server closes the connection first, and the client when it sees that. What the peer still sends is read, so that
    /// nothing that is left makes the system reset the connection and drop our close frame.
    fn poll_end_of_transport(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_send(cx, Half::Stream))?;
        if self.role == Role::Server {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        // Into no block: what is dropped waits for no memory. Tokio's transports yield now and then.
        let mut dropped = [MaybeUninit::uninit(); DROPPED_LEN];
        let mut dropped = ReadBuf::uninit(&mut dropped);
        loop {
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut dropped))?;
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

    /// Nothing comes now: that may last too long (NO-FREEZE).
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
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

    fn poll_close_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.heart.config().close_timeout;
        self.rare.get_or_insert_default().close_deadline.get_or_insert_with(|| Sleep::new(timeout)).poll_passed(cx)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<T> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.phase {
                Phase::Ended => return Poll::Ready(None),
                Phase::Closed => return this.poll_end(cx).map(|()| None),
                Phase::Open | Phase::Closing => {}
            }
            if this.outgoing.is_some()
                && let Poll::Ready(Err(error)) = this.poll_send(cx, Half::Stream)
            {
                return this.poll_fail(cx, error);
            }
            let is_deflating = this.per_message.is_agreed();
            let rules = Rules { config: this.heart.config(), is_server: this.role == Role::Server, is_deflating };
            let decoded = if is_deflating || this.reading.has_bytes() {
                this.per_message.poll_decode(cx, &mut this.reading, rules)
            } else {
                Poll::Ready(Ok(None))
            };
            match decoded {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(incoming))) => {
                    let received = this.receive(incoming);
                    if this.outgoing.is_some() {
                        // The answer leaves before the user looks at what was asked. A failure is met again.
                        let _ = this.poll_send(cx, Half::Stream);
                    }
                    return match received {
                        Ok(message) => Poll::Ready(Some(Ok(message))),
                        Err(error) => this.poll_fail(cx, error),
                    };
                }
                Poll::Ready(Err(error)) => return this.poll_fail(cx, error),
                Poll::Pending => {
                    // It is we who keep the peer waiting.
                    this.heart.heard();
                    return this.poll_silence(cx);
                }
            }
            match this.reading.poll_read(cx, Pin::new(&mut this.io)) {
                Poll::Ready(Ok(1..)) => this.heart.heard(),
                // RFC 6455 §7.1.5: who has sent a close frame may be answered by the end of the connection alone.
                Poll::Ready(Ok(0)) if this.phase == Phase::Closing => this.end(),
                Poll::Ready(Ok(0)) => return this.poll_fail(cx, Error::abrupt()),
                Poll::Ready(Err(error)) => return this.poll_fail(cx, error.into()),
                Poll::Pending => return this.poll_silence(cx),
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<T> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.phase != Phase::Open {
            return Poll::Ready(Err(Error::closed()));
        }
        ready!(this.poll_queue(cx))?;
        if this.outgoing.as_ref().is_some_and(|outgoing| outgoing.len() >= this.heart.config().high_mark) {
            ready!(this.poll_send(cx, Half::Sink))?;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        match this.admit(message)? {
            Some((header, payload)) => this.push(header, payload),
            None => Ok(()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_queue(cx))?;
        this.poll_send(cx, Half::Sink)
    }

    /// Sends a close frame, if none was sent. The peer's is received by the stream.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.phase == Phase::Open {
            ready!(self.as_mut().poll_ready(cx))?;
            self.as_mut().start_send(Message::Close(None))?;
        }
        self.poll_flush(cx)
    }
}

impl<T: fmt::Debug> fmt::Debug for WebSocket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("io", &self.io)
            .field("role", &self.role)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
