//! The outbox: what the network still has to send to one peer.
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
//!   on items. So `queued` is never more than the high mark, or one item if that is larger.
//! - WHOLE: an item of which a byte was written is written to its end, or the stream ends within
//!   it.
//! - IN-TURN: senders that wait get room in the order in which they came, and nobody passes them.
//! - LOW-MARK: they are woken when no more than the low mark is queued, as many as fit; or when the
//!   outbox closes.
//! - AFTER-LOCK: wakers are called, and chains dropped, after the outbox is unlocked; a waker that
//!   panics loses nothing.
//! - EARLY-RETURN: a block goes home when its last byte is written.

mod batch;
mod builder;
mod done;
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

use self::{done::Done, sending::Sending, state::OutboxState, watch::Watch, watchers::Until};
use crate::{chain::Chain, sync::Mutex};

/// Takes chains for one peer; an [`OutboxWriter`] sends them. Clones are senders to the same peer.
///
/// What a peer that stops reading can hold of this server is bounded: [`queued`](Self::queued) is
/// never more than the high mark, or one item if that is larger. Each item counts its bytes, and 64
/// more per segment. An item that does not fit waits, is refused, replaces the oldest, or ends the
/// connection, as [`Policy`] says.
///
/// With [`Policy::Wait`], senders wait in order, nobody passes them, and they are woken only once
/// the queue has fallen to the low mark: not for each byte that the peer reads.
///
/// # Shape
/// A sender is one pointer; an idle outbox is one allocation of less than 200 bytes. The marks
/// count bytes that are to be sent, not the capacity of their blocks: a few bytes in a large block
/// keep all of it leased until they are sent. [`Chain::compact`] helps.
///
/// # Delivery
/// `send` has queued its item, and [`flush`](Self::flush) has written all that was queued before
/// it. [`close`](Self::close) returns at once: the writer sends what is queued, then shuts the
/// transport down. After a drop of the last sender the writer sends what is queued, too, and leaves
/// the transport open. A drop of the [`OutboxWriter`] loses what is not written, and `flush` says
/// so.
///
/// # Order
/// The items of one sender are sent in the order in which its `send`s ended; an item is never mixed
/// with another.
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

    /// Queues a chain, and waits for room if the policy is to wait. An empty chain is sent at once.
    ///
    /// Waits in order behind those who came before. That it was queued does not mean that it will
    /// arrive; see [`flush`](Self::flush).
    ///
    /// # Errors
    /// The outbox is closed; with another policy also as [`try_send`](Self::try_send). The error
    /// has the chain.
    ///
    /// # Cancel safety
    /// A `send` that is dropped before it is ready has sent nothing: the chain goes home, and its
    /// turn to those behind.
    pub async fn send(&self, chain: impl Into<Chain>) -> Result<(), SendError> {
        match self.try_send(chain) {
            Err(error) if error.is_full() && self.state.lock().waits() => {
                Sending::new(&self.state, error.into_inner()).await
            }
            sent => sent,
        }
    }

    /// Queues a chain, or does at once what the policy says.
    ///
    /// # Errors
    /// The outbox is closed, or it is full: with [`Policy::Wait`] also while others wait. The error
    /// has the chain.
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
        let mut done = Done::default();
        let sent = self.state.lock().push(chain, &mut done);
        done.finish();
        sent
    }

    /// Waits until all that is queued now was written, and the transport flushed.
    ///
    /// Also while more is queued behind it. Items that were dropped to make room are not waited
    /// for.
    ///
    /// # Errors
    /// The transport failed, the writer is gone, or the peer was cut off before that. No error if
    /// the outbox was merely closed.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost. "Now" is when it is first polled.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let upto = self.state.lock().next();
        Watch::new(&self.state, Until::Flushed(upto)).await
    }

    /// Ends the stream in order: no more is taken, from any sender; the writer sends what is
    /// queued, and shuts the transport down.
    ///
    /// Senders that wait get their chains back.
    pub fn close(&self) {
        let mut done = Done::default();
        self.state.lock().close(&mut done);
        done.finish();
    }

    /// Waits until the outbox takes no more: it was closed, its writer is gone, its transport
    /// failed, or its peer was cut off.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost.
    pub async fn closed(&self) {
        // Only a flush can fail.
        let _ = Watch::new(&self.state, Until::Closed).await;
    }

    /// Whether the outbox takes no more.
    pub fn is_closed(&self) -> bool {
        self.state.lock().end().is_some()
    }

    /// What counts toward the marks: bytes not written yet, 64 for each of their segments, and what
    /// senders have been promised that are just waking.
    pub fn queued(&self) -> usize {
        self.state.lock().held()
    }

    /// How many items were dropped so far to make room for newer ones.
    pub fn dropped_count(&self) -> u64 {
        self.state.lock().dropped_count()
    }

    /// How many bytes these had.
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
        let mut done = Done::default();
        self.state.lock().remove_sender(&mut done);
        done.finish();
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
