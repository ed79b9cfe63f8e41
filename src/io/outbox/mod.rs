//! The outbox: the queue of chains that are still to be sent to one peer.
//!
//! ```text
//!  Outbox ──┐                    (marks, policy)
//!  Outbox ──┼─▶ [item][item][item] ─▶ OutboxWriter ─▶ one vectored call ─▶ transport ─▶ peer
//!  Outbox ──┘          ▲                                    │
//!    full: wait,       └──────── what it did not take ──────┘
//!    refuse, drop the oldest, or close
//! ```
//!
//! # Invariants
//! - BOUND: an item is admitted if nothing is queued, or if it fits below the high mark and the cap
//!   on items. So `queued` is never more than the high mark, or than one item if that is larger.
//! - WHOLE: an item of which a byte was written is written to its end, or the stream ends within
//!   it. `is_begun` of the state says that a part of the first item was written. It stays until the
//!   item is written, or the outbox is cut.
//! - IN-TURN: senders that wait get room in the order in which they came, and no other sender
//!   passes them. In their queue, the places that were granted are in front of those that wait.
//! - LOW-MARK: waiting senders are woken when no more than the low mark is queued, as many as fit,
//!   or when the outbox closes.

mod batch;
mod builder;
mod end;
mod error;
mod item;
mod limits;
mod policy;
mod sender_queue;
mod sending;
mod state;
mod waiters;
mod watch;
mod watchers;
mod writer;

pub use self::{
    builder::OutboxBuilder,
    error::{FlushError, SendError},
    policy::Policy,
    writer::OutboxWriter,
};

use std::{fmt, sync::Arc};

use self::{sending::Sending, state::OutboxState, watch::Watch, watchers::Until};
use crate::{chain::Chain, sync::Mutex, util::AfterUnlock};

/// Takes chains for one peer, which an [`OutboxWriter`] sends. Clones are senders to the same peer.
///
/// A peer that stops reading can hold only a bounded amount of this server's memory:
/// [`queued`](Self::queued) is never more than the high mark, or than one item if that is larger.
/// Each item counts its bytes, and 64 more for each segment. An item that does not fit waits, is
/// refused, replaces the oldest, or ends the connection, as [`Policy`] says.
///
/// With [`Policy::Wait`], senders wait in order, and no other sender passes them. They are woken
/// only when the queue has fallen to the low mark, and not for each byte that the peer reads.
///
/// # Shape
/// A sender is one pointer. An idle outbox is one allocation of less than 200 bytes. The marks
/// count bytes that are to be sent, and not the capacity of their blocks: a few bytes in a large
/// block keep all of it leased until they are sent. [`Chain::compact`] helps.
///
/// # Delivery
/// When `send` returns, its item is queued. When [`flush`](Self::flush) returns, all that was
/// queued before it is written. [`close`](Self::close) returns at once; the writer sends what is
/// queued, then shuts the transport down. After the drop of the last sender the writer also sends
/// what is queued, and leaves the transport open. The drop of the [`OutboxWriter`] loses what is
/// not written, and `flush` reports it.
///
/// # Order
/// The items of one sender are sent in the order in which its `send` calls returned. Two items are
/// never mixed.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::{Pool, io::Outbox};
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let (mut near, mut far) = tokio::io::duplex(1 << 10);
/// let (outbox, mut writer) = Outbox::channel(64 << 10);
/// tokio::spawn(async move { writer.run(&mut near).await });
///
/// let mut message = pool.chain(5).await?;
/// message.put_slice(b"hello");
/// outbox.send(message).await?;
/// outbox.close(); // sends the rest, then shuts the transport down
///
/// let mut got = Vec::new();
/// far.read_to_end(&mut got).await?;
/// assert_eq!(got, b"hello");
/// assert_eq!(pool.leased(), 0);
/// # Ok(())
/// # }
/// ```
pub struct Outbox {
    state: Arc<Mutex<OutboxState>>,
}

impl Outbox {
    fn new(state: Arc<Mutex<OutboxState>>) -> Self {
        Self { state }
    }

    /// Queues a chain. Waits for room if the policy is [`Policy::Wait`]. An empty chain counts as
    /// sent at once.
    ///
    /// It waits behind the senders that came before it. An item that was queued may still not
    /// arrive; see [`flush`](Self::flush).
    ///
    /// # Errors
    /// The outbox is closed. With a policy that does not wait, also the errors of
    /// [`try_send`](Self::try_send). The error has the chain.
    ///
    /// # Cancel safety
    /// Cancel safe. A `send` that is dropped before it is ready has sent nothing: the chain goes
    /// home, and its turn goes to the sender behind it.
    pub async fn send(&self, chain: impl Into<Chain>) -> Result<(), SendError> {
        match self.try_send(chain) {
            Err(error) if error.is_full() && self.state.lock().waits() => {
                Sending::new(&self.state, error.into_inner()).await
            }
            sent => sent,
        }
    }

    /// Queues a chain without waiting, or does what the policy says.
    ///
    /// # Errors
    /// The outbox is closed or full. With [`Policy::Wait`] it also counts as full while other
    /// senders wait. The error has the chain.
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use leasehold::io::Outbox;
    ///
    /// let (outbox, writer) = Outbox::channel(100);
    /// outbox.try_send(Bytes::from("a large item is admitted when nothing else is queued"))?;
    /// let full = outbox.try_send(Bytes::from("more")).unwrap_err();
    /// assert!(full.is_full());
    /// assert_eq!(full.into_inner(), *b"more");
    /// drop(writer);
    /// assert!(outbox.try_send(Bytes::from("more")).unwrap_err().is_closed());
    /// # Ok::<(), leasehold::io::SendError>(())
    /// ```
    pub fn try_send(&self, chain: impl Into<Chain>) -> Result<(), SendError> {
        let chain = chain.into();
        let mut after = AfterUnlock::default();
        let sent = self.state.lock().push(chain, &mut after);
        after.finish();
        sent
    }

    /// Waits until all that is queued now is written, and the transport is flushed.
    ///
    /// It does not wait for items that are queued later, nor for items that were dropped to make
    /// room.
    ///
    /// # Errors
    /// The transport failed, the writer is gone, or the peer was cut off before that. It is no
    /// error if the outbox was only closed.
    ///
    /// # Cancel safety
    /// Cancel safe. Nothing is lost. "Now" is the first poll.
    ///
    /// # Examples
    /// ```
    /// use leasehold::io::Outbox;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut near, _far) = tokio::io::duplex(64);
    /// let (outbox, mut writer) = Outbox::channel(64 << 10);
    /// tokio::spawn(async move { writer.run(&mut near).await });
    /// outbox.send(bytes::Bytes::from("hello")).await?;
    /// outbox.flush().await?;
    /// assert_eq!(outbox.queued(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn flush(&self) -> Result<(), FlushError> {
        let upto = self.state.lock().next();
        Watch::new(&self.state, Until::Flushed(upto)).await
    }

    /// Ends the stream in order. No sender can add more. The writer sends what is queued, and shuts
    /// the transport down.
    ///
    /// Senders that wait get their chains back.
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use leasehold::io::Outbox;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut near, _far) = tokio::io::duplex(64);
    /// let (outbox, mut writer) = Outbox::channel(64 << 10);
    /// outbox.send(Bytes::from("the last words")).await?;
    /// outbox.close();
    /// assert!(outbox.try_send(Bytes::from("more")).is_err_and(|error| error.is_closed()));
    /// writer.run(&mut near).await?; // sends what is queued
    /// assert_eq!(outbox.queued(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        let mut after = AfterUnlock::default();
        self.state.lock().close(&mut after);
        after.finish();
    }

    /// Waits until the outbox takes no more items: it was closed, its writer is gone, its transport
    /// failed, or its peer was cut off.
    ///
    /// # Cancel safety
    /// Cancel safe. Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// use leasehold::io::Outbox;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (outbox, writer) = Outbox::channel(64 << 10);
    /// let watcher = outbox.clone();
    /// let watching = tokio::spawn(async move { watcher.closed().await });
    /// drop(writer);
    /// assert!(watching.await.is_ok());
    /// # }
    /// ```
    pub async fn closed(&self) {
        // Only a flush can fail.
        let _ = Watch::new(&self.state, Until::Closed).await;
    }

    /// Whether the outbox takes no more items.
    pub fn is_closed(&self) -> bool {
        self.state.lock().end().is_some()
    }

    /// What counts toward the marks: the bytes that are not written yet, 64 for each of their
    /// segments, and the cost of items whose senders were granted room and have not run yet.
    pub fn queued(&self) -> usize {
        self.state.lock().held()
    }

    /// The number of items that were dropped so far to make room for newer ones.
    pub fn dropped_count(&self) -> u64 {
        self.state.lock().dropped_count()
    }

    /// The number of bytes in the items that were dropped.
    pub fn dropped_bytes(&self) -> u64 {
        self.state.lock().dropped_bytes()
    }
}

impl Clone for Outbox {
    fn clone(&self) -> Self {
        self.state.lock().add_sender();
        Self { state: Arc::clone(&self.state) }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut after = AfterUnlock::default();
        self.state.lock().remove_sender(&mut after);
        after.finish();
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Outbox")
            .field("queued", &state.held())
            .field("is_closed", &state.end().is_some())
            .finish()
    }
}
