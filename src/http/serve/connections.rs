//! `Connections`: how many connections a server has, and how many of them are awake.
//!
//! An open connection is awake while hyper has it, and parked otherwise. Each is counted by a
//! guard, so that a service that panics leaves no count behind.

use std::sync::{
    Arc, Weak,
    atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    io::ServerState,
    sync::{AtomicU64, AtomicUsize},
};

/// The figures of a server, from [`Serve::connections`](super::Serve::connections): how many
/// connections it has, and what they do.
///
/// A clone tells of the same server. A figure is read without a lock, so two figures may be of two
/// moments. The handle may outlive the server: then nothing is open.
///
/// # Examples
/// In [`Serve::connections`](super::Serve::connections).
#[derive(Clone, Debug)]
pub struct Connections {
    counts: Arc<Counts>,
    /// Lives as long as the server.
    server: Weak<ServerState>,
}

/// In an allocation of their own: they are written often, and their neighbours are only read.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicUsize,
    awake: AtomicUsize,
    /// Bytes that hyper holds for connections that linger.
    lingering: AtomicUsize,
    /// Told when a connection has ended, or has become idle while the server is full.
    ended: Notify,
    /// Whether the server waits until a connection ends or becomes idle.
    is_full: AtomicBool,
}

impl Connections {
    pub(super) fn new(server: &Arc<ServerState>) -> Self {
        Self { counts: Arc::default(), server: Arc::downgrade(server) }
    }

    /// How many connections are open. An upgraded connection is no longer counted.
    pub fn open(&self) -> usize {
        self.counts.open.load(Acquire) // with the drop of an `Open`
    }

    /// How many connections hyper has: those with a request in flight, and those that linger after
    /// one.
    pub fn awake(&self) -> usize {
        self.counts.awake.load(Relaxed)
    }

    /// How many connections wait as bare sockets: for a request, for the rest of its head, or for
    /// room in the pool to serve it.
    pub fn parked(&self) -> usize {
        // A connection may wake between the two loads.
        self.open().saturating_sub(self.awake())
    }

    /// How many connections were accepted since the server began.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Relaxed)
    }

    /// Whether the graceful shutdown has begun, or the server and all its connections are gone.
    pub fn is_stopping(&self) -> bool {
        self.server.upgrade().is_none_or(|server| server.look().1)
    }

    /// How many bytes hyper holds for connections that linger.
    pub(super) fn lingering(&self) -> usize {
        self.counts.lingering.load(Relaxed)
    }

    /// Whether the server has as many connections as it may, and waits for one to end.
    pub(super) fn is_full(&self) -> bool {
        self.counts.is_full.load(Relaxed)
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.counts.is_full.store(is_full, Relaxed);
    }

    /// A connection has become idle: it may be ended for another. Called after the lock of the
    /// timers was taken for it. A server that is full says so first, and then takes that lock to
    /// look for idle connections: so one of the two sees the other.
    pub(super) fn note_idle(&self) {
        if self.is_full() {
            self.counts.ended.notify_waiters();
        }
    }

    /// Waits until a connection ends; one that ends after this call is not missed.
    pub(super) fn ended(&self) -> Notified<'_> {
        self.counts.ended.notified()
    }

    /// Counts one connection more.
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
    /// Counts the connection as awake.
    pub(super) fn awaken(&self) -> Wakeful {
        self.0.awake.fetch_add(1, Relaxed);
        Wakeful { counts: Arc::clone(&self.0), lingers: 0 }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // With `open`: a thread that sees this count also sees that all memory is home.
        self.0.open.fetch_sub(1, Release);
        self.0.ended.notify_waiters();
    }
}

/// A connection that is awake.
#[derive(Debug)]
pub(super) struct Wakeful {
    counts: Arc<Counts>,
    /// The bytes that are counted for it while it lingers, or 0.
    lingers: usize,
}

impl Wakeful {
    /// Sets how many bytes hyper holds for it while it lingers.
    pub(super) fn set_lingers(&mut self, len: Option<usize>) {
        let len = len.unwrap_or(0);
        if len != self.lingers {
            // Adding the wrapped difference also subtracts.
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
