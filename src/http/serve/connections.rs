//! `Connections`: how many connections a server has, and how many of them are awake.
//!
//! One that is open is awake while hyper has it, and parked otherwise. Each is counted by a guard,
//! so that a service that panics leaves no count behind.

use std::sync::{
    Arc, Weak,
    atomic::Ordering::{Acquire, Relaxed, Release},
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    io::Sleepers,
    sync::{AtomicU64, AtomicUsize},
};

/// The figures of a server, from [`Serve::connections`](super::Serve::connections): how many
/// connections it has, and what they do.
///
/// A clone tells of the same server. To read a figure takes no lock, and two of them are of two
/// moments. The handle outlives the server: nothing is open then.
#[derive(Clone, Debug)]
pub struct Connections {
    counts: Arc<Counts>,
    /// Lives as long as the server.
    sleepers: Weak<Sleepers>,
}

/// Apart from what is only read at each request.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicUsize,
    awake: AtomicUsize,
    /// Bytes that hyper holds for those that linger.
    lingering: AtomicUsize,
    /// Told when a connection has ended.
    ended: Notify,
}

impl Connections {
    pub(super) fn new(sleepers: &Arc<Sleepers>) -> Self {
        Self { counts: Arc::default(), sleepers: Arc::downgrade(sleepers) }
    }

    /// How many are open. Upgraded ones are no longer counted.
    pub fn open(&self) -> usize {
        self.counts.open.load(Acquire) // with the drop of an `Open`
    }

    /// How many hyper has: those with a request, and those that linger after one.
    pub fn awake(&self) -> usize {
        self.counts.awake.load(Relaxed)
    }

    /// How many wait as bare sockets: for a request, for the rest of its head, or for room in the
    /// pool to serve it.
    pub fn parked(&self) -> usize {
        // One may be woken between the loads.
        self.open().saturating_sub(self.awake())
    }

    /// How many were accepted since the server began.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Relaxed)
    }

    /// Whether the graceful shutdown has begun, or the server is gone with all its connections.
    pub fn is_stopping(&self) -> bool {
        self.sleepers.upgrade().is_none_or(|sleepers| sleepers.look().1)
    }

    /// How many bytes hyper holds for connections that linger.
    pub(super) fn lingering(&self) -> usize {
        self.counts.lingering.load(Relaxed)
    }

    /// Ready when a connection has ended since this call.
    pub(super) fn ended(&self) -> Notified<'_> {
        self.counts.ended.notified()
    }

    /// Counts one more.
    pub(super) fn accept(&self) -> Open {
        self.counts.accepted.fetch_add(1, Relaxed);
        self.counts.open.fetch_add(1, Relaxed);
        Open(Arc::clone(&self.counts))
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Open(Arc<Counts>);

impl Open {
    /// Counts it among those that are awake.
    pub(super) fn awaken(&self) -> Wakeful {
        self.0.awake.fetch_add(1, Relaxed);
        Wakeful { counts: Arc::clone(&self.0), lingers: 0 }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Release); // with `open`: who sees it sees that all is home
        self.0.ended.notify_waiters();
    }
}

/// A connection that is awake.
#[derive(Debug)]
pub(super) struct Wakeful {
    counts: Arc<Counts>,
    /// Bytes that are counted for it while it lingers, or 0.
    lingers: usize,
}

impl Wakeful {
    /// How many bytes hyper holds for it, if it lingers.
    pub(super) fn set_lingers(&mut self, len: Option<usize>) {
        let len = len.unwrap_or(0);
        if len != self.lingers {
            // Wraps around where it falls.
            self.counts.lingering.fetch_add(len.wrapping_sub(self.lingers), Relaxed);
            self.lingers = len;
        }
    }
}

impl Drop for Wakeful {
    fn drop(&mut self) {
        self.set_lingers(None);
        self.counts.awake.fetch_sub(1, Relaxed);
    }
}
