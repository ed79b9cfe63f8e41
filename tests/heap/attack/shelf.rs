//! `Shelf`: what a server keeps of the messages that it is sent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use bytes::BufMut;
use leasehold::{Account, Chain, ChainMut, LeaseError};

/// Where a slice begins that is kept of a large message, and its length.
const SLICE_AT: usize = 500_000;
pub(crate) const SLICE_LEN: usize = 10;

/// No longer.
const SHORT_LEN: usize = 16;

/// Room for what is copied together.
const TOGETHER_LEN: usize = 4 << 10;

/// How messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// As they came.
    Whole,
    /// Each compacted.
    Compacted,
    /// Copied behind one another.
    Together,
    /// Short ones, as they came.
    Short,
    /// Ten bytes of each.
    Slices,
    /// Ten bytes of each, compacted.
    CompactedSlices,
}

/// One connection's.
pub(crate) struct Shelf {
    keep: Keep,
    account: Account,
    chains: Vec<Chain>,
    together: ChainMut,
    count: Arc<AtomicUsize>,
}

impl Shelf {
    /// `count` is how many messages all shelves have.
    pub(crate) fn new(keep: Keep, account: &Account, count: &Arc<AtomicUsize>) -> Self {
        let together = ChainMut::new(account);
        Self {
            keep,
            account: account.clone(),
            chains: Vec::new(),
            together,
            count: Arc::clone(count),
        }
    }

    /// Keeps a message.
    ///
    /// # Errors
    /// No memory was to be had to copy it to.
    pub(crate) async fn put(&mut self, mut message: Chain) -> Result<(), LeaseError> {
        if matches!(self.keep, Keep::Slices | Keep::CompactedSlices) {
            message = message.slice(SLICE_AT..SLICE_AT + SLICE_LEN);
        }
        if matches!(self.keep, Keep::Compacted | Keep::CompactedSlices) {
            message.compact(&self.account)?;
        }
        if self.keep == Keep::Short && message.len() > SHORT_LEN {
            return Ok(());
        }
        if self.keep == Keep::Together {
            if self.together.remaining_mut() < message.len() {
                self.together.reserve(message.len().max(TOGETHER_LEN)).await?;
            }
            self.together.append(message);
        } else {
            self.chains.push(message);
        }
        self.count.fetch_add(1, SeqCst);
        Ok(())
    }
}
