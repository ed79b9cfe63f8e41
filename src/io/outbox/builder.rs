//! `OutboxBuilder`: the settings of an outbox.

use std::sync::Arc;

use super::{Outbox, OutboxWriter, Policy, limits::Limits, state::OutboxState};
use crate::sync::Mutex;

/// What a connection sends in one or two calls. A peer that stops reading holds no more.
const HIGH_MARK_DEFAULT: usize = 64 << 10;

/// The default marks admit 1,008 items of one byte, so this cap matters only with higher marks.
const ITEMS_MAX_DEFAULT: usize = 1 << 10;

/// The settings of an [`Outbox`], made by [`Outbox::builder`].
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
    /// Makes an outbox that holds at most `max_queued` bytes, and its writer. Senders wait when it
    /// is full, and are woken when half of it is sent.
    #[must_use = "without its writer, the outbox is closed"]
    pub fn channel(max_queued: usize) -> (Self, OutboxWriter) {
        Self::builder().max_queued(max_queued).channel()
    }

    /// Makes a builder with the default settings.
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

    /// How many bytes may be queued. Each segment counts 64 more. A larger item is admitted if
    /// nothing else is queued. The default is 64 KiB.
    pub fn max_queued(mut self, bytes: usize) -> Self {
        self.max_queued = bytes;
        self
    }

    /// The bytes that may still be queued when waiting senders are woken. The default is half of
    /// `max_queued`, and it is never more than that.
    pub fn low_watermark(mut self, bytes: usize) -> Self {
        self.low_watermark = Some(bytes);
        self
    }

    /// How many items may be queued, at least one. Waiting senders are woken at half of it. The
    /// default is 1,024.
    pub fn max_items(mut self, count: usize) -> Self {
        self.max_items = count;
        self
    }

    /// What is done with an item that does not fit. The default is [`Policy::Wait`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Makes the outbox, and the writer that is to be run with the transport. It allocates once,
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
