//! `OutboxBuilder`: how an outbox is made.

use std::sync::Arc;

use super::{Outbox, OutboxWriter, Policy, limits::Limits, state::OutboxState};
use crate::sync::Mutex;

/// What a connection sends in one or two calls; a peer that stops reading holds no more.
const HIGH_MARK_DEFAULT: usize = 64 << 10;

/// The default marks admit 1,008 items of one byte, so that this cap is felt only with higher ones.
const ITEMS_MAX_DEFAULT: usize = 1 << 10;

/// Settings of an [`Outbox`]; made by [`Outbox::builder`].
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::io::{Outbox, Policy};
///
/// let (outbox, _writer) = Outbox::builder().max_queued(100).policy(Policy::DropOldest).channel();
/// outbox.try_send(Bytes::from("an old price"))?; // costs its 12 bytes, and 64 for its segment
/// outbox.try_send(Bytes::from("a new price"))?;
/// assert_eq!(outbox.queued(), 11 + 64);
/// assert_eq!(outbox.dropped_count(), 1);
/// # Ok::<(), leasehold::io::SendError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `channel`"]
pub struct OutboxBuilder {
    max_queued: usize,
    low_watermark: Option<usize>,
    max_items: usize,
    policy: Policy,
}

impl Outbox {
    /// An outbox that holds at most so many bytes, and its writer. Senders wait when it is full,
    /// and are woken when half of it is sent.
    #[must_use = "without its writer, the outbox is closed"]
    pub fn channel(max_queued: usize) -> (Self, OutboxWriter) {
        Self::builder().max_queued(max_queued).channel()
    }

    /// Settings for an outbox: marks, a cap on items, and what to do when it is full.
    pub fn builder() -> OutboxBuilder {
        OutboxBuilder::new()
    }
}

impl OutboxBuilder {
    fn new() -> Self {
        Self {
            max_queued: HIGH_MARK_DEFAULT,
            low_watermark: None,
            max_items: ITEMS_MAX_DEFAULT,
            policy: Policy::default(),
        }
    }

    /// How many bytes may be queued, 64 more counted for each segment; 64 KiB by default. A larger
    /// item is admitted alone.
    pub fn max_queued(mut self, bytes: usize) -> Self {
        self.max_queued = bytes;
        self
    }

    /// How far the queue must fall before waiting senders are woken; half of the high mark by
    /// default, and never more than it.
    pub fn low_watermark(mut self, bytes: usize) -> Self {
        self.low_watermark = Some(bytes);
        self
    }

    /// How many items may be queued, at least one; 1,024 by default. Waiting senders are woken at
    /// half of it.
    pub fn max_items(mut self, count: usize) -> Self {
        self.max_items = count;
        self
    }

    /// What is done with an item that does not fit; [`Policy::Wait`] by default.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Makes the outbox, and the writer that is to be run with the transport. One allocation of
    /// less than 200 bytes.
    #[must_use = "without its writer, the outbox is closed"]
    pub fn channel(self) -> (Outbox, OutboxWriter) {
        let low = self.low_watermark.unwrap_or(self.max_queued / 2).min(self.max_queued);
        let max_items = u32::try_from(self.max_items.max(1)).unwrap_or(u32::MAX);
        let limits = Limits { high: self.max_queued, low, max_items, policy: self.policy };
        let state = Arc::new(Mutex::new(OutboxState::new(limits)));
        (Outbox::new(Arc::clone(&state)), OutboxWriter::new(state))
    }
}
