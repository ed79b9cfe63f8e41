//! `WebSocket`: a transport as a stream and a sink of messages.
//!
//! ```text
//!   messages ──▶ queueing ──▶ sending ──▶ transport ──▶ receiving ──▶ messages
//!                              closing ◀── silence ◀───────┘
//! ```
//!
//! Each file that is named for an action has the methods of that action. Each uses the state in
//! this file, and the files before it in the picture.

mod closing;
mod cold_state;
pub(in crate::ws) mod config;
mod failure;
pub(in crate::ws) mod halves;
pub(in crate::ws) mod keep_alive;
pub(in crate::ws) mod keep_alive_state;
mod leaving;
mod phase;
mod queueing;
mod receiving;
mod sending;
mod silence;

pub(in crate::ws) use self::leaving::farewell;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use self::{cold_state::ColdState, phase::Phase};
use super::{
    PerMessage,
    protocol::{
        close::CloseFrame, error::Error, message::Message, outgoing::Outgoing, reading::Reading,
        role::Role,
    },
};
use crate::{
    chain::ChainMut,
    pool::Account,
    ws::socket::{config::Config, keep_alive_state::KeepAliveState},
};

/// A transport after its handshake, as a [`Stream`] and [`Sink`](futures_sink::Sink) of
/// [`Message`]s, out of leased blocks.
///
/// A message is a chain: its payload stays in the blocks that it was read into, and is sent out of
/// the blocks it lies in. Between messages the socket holds no block, however large the last
/// message was. Pings and close frames are answered while the socket is read.
///
/// # Stream
/// Ends with `None` once both ends have closed and all was sent. If it yields an error, the peer is
/// told with a close frame where that helps, and `None` follows. Drop the socket after `None`, not
/// before. With unread bytes of the peer the system would reset the connection, and the close frame
/// would be lost.
///
/// A failed write does not end the stream: it yields all that has arrived, and then its own end. So
/// read on after a failed `send`: the peer may have said why it went. If the transport does not
/// end, an error follows after [`close_timeout`](Config::close_timeout).
///
/// # Delivery
/// `send` and `flush` return when all messages that were taken before are written. `close` does the
/// same, and then sends the close frame. A drop loses messages that are not written, and sends no
/// close frame. If a message was taken and cannot be sent, the next `send`, `flush` or `close`
/// returns the error.
///
/// # Sink
/// A message waits for the transport once [`max_queued`](Config::max_queued) bytes are queued; each
/// message counts 64 bytes more. `flush` sends all that is queued. No message is taken after
/// [`Message::Close`].
///
/// # Errors
/// [`Error`].
///
/// # Cancel safety
/// `recv`, `next` and `flush` are cancel safe. A `send` that is dropped may or may not have taken
/// its message.
///
/// # Panics
/// If it must wait for memory, or for a peer to close, outside of a tokio runtime with time
/// enabled.
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
///
/// Two tasks of one socket, one that receives and one that sends:
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use leasehold::{Pool, ws::{Message, Role, WebSocket}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let (near, far) = tokio::io::duplex(1 << 10);
/// let (mut sink, mut stream) = WebSocket::new(near, Role::Server, &pool).split();
/// let receiving = tokio::spawn(async move { stream.next().await });
///
/// let mut client = WebSocket::new(far, Role::Client, &pool);
/// client.send("question").await?;
/// sink.send(Message::from("news")).await?;
/// assert_eq!(client.recv().await.transpose()?, Some(Message::from("news")));
/// assert_eq!(receiving.await?.transpose()?, Some(Message::from("question")));
/// # Ok(())
/// # }
/// ```
pub struct WebSocket<T> {
    io: T,
    reading: Reading,
    outgoing: Option<Box<Outgoing>>,
    /// Messages that are being inflated or compressed.
    per_message: PerMessage,
    cold: Option<Box<ColdState>>,
    keep_alive_state: KeepAliveState,
    role: Role,
    phase: Phase,
}

impl<T> WebSocket<T> {
    /// Makes a socket of a transport whose handshake is over, with the default settings. The blocks
    /// that it reads into are charged to `account`.
    pub fn new(io: T, role: Role, account: &Account) -> Self {
        Self::with_config(io, role, account, Config::shared())
    }

    /// As [`new`](Self::new), with settings of your own.
    pub fn with_config(io: T, role: Role, account: &Account, config: Arc<Config>) -> Self {
        Self::with_early(io, role, ChainMut::new(account), config)
    }

    /// As [`with_config`](Self::with_config), with bytes that were read behind the handshake. They
    /// lie in leased blocks; what is read later is charged to the account of that chain.
    pub(in crate::ws) fn with_early(
        io: T,
        role: Role,
        early: ChainMut,
        config: Arc<Config>,
    ) -> Self {
        Self {
            io,
            reading: Reading::new(early),
            outgoing: None,
            per_message: PerMessage::default(),
            cold: None,
            keep_alive_state: KeepAliveState::new(config),
            role,
            phase: Phase::Open,
        }
    }

    /// Compresses messages, and takes compressed ones, as the handshake agreed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, agreement: crate::ws::DeflateAgreement) -> Self {
        self.with_per_message(PerMessage::new(agreement))
    }

    pub(in crate::ws) fn with_per_message(self, per_message: PerMessage) -> Self {
        Self { per_message, ..self }
    }

    /// Which end of the connection this is.
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

    /// The transport alone; buffered bytes are lost.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Whether messages can be sent: no close frame was sent or received, and nothing failed.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether nothing will be sent or received any more.
    pub(in crate::ws) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Takes something out of the cold state, and frees its box if that was the last.
    fn take_rare<R: Default>(&mut self, take: impl FnOnce(&mut ColdState) -> R) -> R {
        let Some(cold) = &mut self.cold else { return R::default() };
        let taken = take(cold);
        if cold.is_empty() {
            self.cold = None;
        }
        taken
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Receives the next message; `None` once both ends have closed.
    ///
    /// # Errors
    /// As the stream.
    ///
    /// # Cancel safety
    /// Cancel safe: bytes that were read stay in the socket.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        // An async fn would keep its arguments twice, in the task of every idle socket.
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The transport failed, there was no memory in which a client could mask the message, or the
    /// socket is closed ([`Error::is_closed`]).
    ///
    /// # Cancel safety
    /// A `send` that is dropped may or may not have taken its message. The peer never gets a part
    /// of it.
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| self.poll_send_message(cx, &mut message))
    }

    /// Sends all that was taken and a close frame, then waits for the peer's close frame and for
    /// the end of the connection. Messages that still come are dropped.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, ws::{CloseCode, CloseFrame, Message, Role, WebSocket}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = Pool::new(8 << 20)?;
    /// let (near, far) = tokio::io::duplex(1 << 10);
    /// let mut server = WebSocket::new(near, Role::Server, &pool);
    /// let mut client = WebSocket::new(far, Role::Client, &pool);
    ///
    /// let frame = CloseFrame::new(CloseCode::GOING_AWAY, "good night");
    /// let expected = Message::Close(Some(frame.clone()));
    /// let closing = tokio::spawn(async move { server.close(Some(frame)).await });
    /// assert_eq!(client.recv().await.transpose()?, Some(expected)); // it is answered already
    /// assert!(client.recv().await.is_none());
    /// drop(client);
    /// closing.await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The transport failed before the close frame was sent, or the peer sent something wrong.
    ///
    /// # Cancel safety
    /// Resumable: call it again.
    pub async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        if self.phase == Phase::Open {
            // The close frame is queued even if the peer does not read: its time begins now
            // (CLOSE-IN-TIME).
            poll_fn(|cx| self.poll_queued(cx)).await?;
            self.start_close(frame.unwrap_or_default())?;
        }
        loop {
            match self.recv().await {
                None => return Ok(()),
                Some(Ok(_)) => {}
                // A failed write is the cause, so it is reported first.
                Some(Err(error)) => return Err(self.take_failure().unwrap_or(error)),
            }
        }
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
