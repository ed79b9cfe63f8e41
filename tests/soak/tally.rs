//! `Tally`: what was done, and what was done wrong on purpose.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::visits::Kind;

/// What guests and handlers do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A peer is gone in the middle of a message.
    Vanished,
    /// … with a reset.
    Reset,
    /// A peer stops reading, and comes back.
    Paused,
    /// A peer stops reading, and is cut or goes.
    Stalled,
    HalfClosed,
    Malformed,
    /// A guest's task is aborted.
    GuestAborted,
    /// A handler's task is aborted, or its request dropped, while it holds blocks and waits.
    HandlerAborted,
    /// A handler panics while it holds blocks.
    HandlerPanicked,
    LimitLowered,
    /// A lease was refused on purpose.
    Refused,
    /// A wait for memory met its deadline.
    DeadlinePassed,
    /// Blocks were dropped on a thread that knows no runtime.
    DroppedElsewhere,
    /// A runtime was dropped with its tasks alive.
    RuntimeDropped,
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
        Self::Vanished,
        Self::Reset,
        Self::Paused,
        Self::Stalled,
        Self::HalfClosed,
        Self::Malformed,
        Self::GuestAborted,
        Self::HandlerAborted,
        Self::HandlerPanicked,
        Self::LimitLowered,
        Self::Refused,
        Self::DeadlinePassed,
        Self::DroppedElsewhere,
        Self::RuntimeDropped,
    ];
}

/// Counts all that happens.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) connections: AtomicU64,
    /// Those of which every byte was seen to be right.
    pub(crate) messages: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Requests that were answered by a refusal.
    pub(crate) refusals: AtomicU64,
    /// Visits that were cut short, for there was no memory.
    pub(crate) cut_short: AtomicU64,
    /// Blocks that the test has leased itself, and those that it has dropped.
    leased: AtomicU64,
    returned: AtomicU64,
    /// Visits that were not cut short, by their kind.
    well: [AtomicU64; Kind::ALL.len()],
    faults: [AtomicU64; Fault::ALL.len()],
}

impl Tally {
    pub(crate) fn fault(&self, fault: Fault) {
        self.faults(fault, 1);
    }

    pub(crate) fn faults(&self, fault: Fault, count: usize) {
        self.faults[fault as usize].fetch_add(count as u64, Relaxed);
    }

    pub(crate) fn count(&self, fault: Fault) -> u64 {
        self.faults[fault as usize].load(Relaxed)
    }

    pub(crate) fn lease(&self) {
        self.leased.fetch_add(1, Relaxed);
    }

    pub(crate) fn give_back(&self) {
        self.returned.fetch_add(1, Relaxed);
    }

    /// Waits until as many were dropped as leased.
    pub(crate) async fn returned(&self) {
        while self.leased.load(Relaxed) != self.returned.load(Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn ended_well(&self, kind: Kind) {
        self.well[kind as usize].fetch_add(1, Relaxed);
    }

    /// How many visits of a kind did.
    pub(crate) fn count_well(&self, kind: Kind) -> u64 {
        self.well[kind as usize].load(Relaxed)
    }

    pub(crate) fn message(&self, len: usize) {
        self.messages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(len as u64, Relaxed);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u64 = Fault::ALL.iter().map(|&fault| self.count(fault)).sum();
        let kinds: Vec<_> =
            Fault::ALL.iter().map(|&fault| format!("{fault:?} {}", self.count(fault))).collect();
        write!(
            f,
            "{} connections, {} messages, {} MiB, {faults} faults [{}], {} refusals, {} visits cut short, \
             {} blocks leased by hand and {} returned",
            self.connections.load(Relaxed),
            self.messages.load(Relaxed),
            self.bytes.load(Relaxed) >> 20,
            kinds.join(", "),
            self.refusals.load(Relaxed),
            self.cut_short.load(Relaxed),
            self.leased.load(Relaxed),
            self.returned.load(Relaxed),
        )
    }
}
