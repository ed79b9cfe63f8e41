//! `Settings`: how a server treats its connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;

use super::waiting_heads::WaitingHeads;
use crate::pool::{Account, Reservation};

/// What of a head that is not whole needs no room in the pool: about as much as the connection
/// itself holds.
const UNCOUNTED_LEN: usize = 512;

/// Connections that are awake get at most one of so many parts of the pool: if they could fill it,
/// all would wait for memory, and none go on.
const AWAKE_SHARE: usize = 2;

/// Heads that are not whole get at most one of so many parts of the pool.
const HEADS_SHARE: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) idle_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) shutdown_timeout: Option<Duration>,
    pub(super) linger: Duration,
    pub(super) max_warm: usize,
    pub(super) max_connections: usize,
    pub(super) max_unsent: Option<u32>,
    pub(super) keep_alive: bool,
    pub(super) http2: bool,
    pub(super) max_header_size: Option<usize>,
    pub(super) account: Option<AccountSettings>,
}

/// Where the accounts of connections are opened, and what each may have.
#[derive(Clone, Debug)]
pub(super) struct AccountSettings {
    pub(super) pool: Account,
    pub(super) limit: usize,
    /// Room for what hyper holds: a part of the pool, so that there is some for what it is woken
    /// for.
    pub(super) awake: Account,
    /// Room for heads that are not whole: a part of the pool, so that who never ends them cannot
    /// fill it.
    pub(super) heads: Account,
    /// Room for whole heads that wait for the above, set aside when the server begins.
    pub(super) line: Option<Arc<WaitingHeads>>,
    /// Whether the pool was short at the last tick: to ask it costs two locks and a look at every
    /// shard.
    was_short: Arc<AtomicBool>,
}

impl AccountSettings {
    pub(super) fn new(pool: &Account, limit: usize) -> Self {
        let awake = pool.account("awake connections", pool.limit() / AWAKE_SHARE);
        let heads = pool.account("half heads", pool.limit() / HEADS_SHARE);
        Self { pool: pool.clone(), limit, awake, heads, line: None, was_short: Arc::default() }
    }

    /// Sets room for the line aside.
    pub(super) fn begin(&mut self) {
        self.line = Some(WaitingHeads::new(&self.pool));
    }

    /// Whether connections should not linger: so that those in line need not wait for it. What the
    /// pool has to say is from the last tick.
    pub(super) fn is_short(&self) -> bool {
        let high_mark = self.awake.limit() - self.awake.limit() / 8;
        self.was_short.load(Relaxed) || self.awake.leased() >= high_mark
    }

    /// At each tick.
    pub(super) fn ask_pool(&self) {
        self.was_short.store(self.pool.is_pressed(), Relaxed);
    }
}

impl Settings {
    /// Whether there is room for a head that waits. `room` is made to be enough for it.
    pub(super) fn holds(&self, head: &BytesMut, room: &mut Reservation) -> bool {
        let Some(account) = self.account.as_ref().filter(|_| head.capacity() > UNCOUNTED_LEN)
        else {
            return true;
        };
        // Whoever finds no room is told by the answer; what is missing is counted there.
        match account.heads.try_reserve_untold(head.capacity().saturating_sub(room.len())) {
            Ok(more) if room.is_empty() => *room = more,
            Ok(more) => room.absorb(more),
            Err(_) => return false,
        }
        true
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // As nginx: most clients open a new connection rather than wait longer between two
            // requests.
            idle_timeout: Duration::from_secs(75),
            // As hyper's own default, which needs a timer to have an effect.
            header_timeout: Duration::from_secs(30),
            // As nginx's send_timeout and client_body_timeout.
            stall_timeout: Duration::from_secs(60),
            // As axum::serve.
            shutdown_timeout: None,
            linger: Duration::from_secs(1),
            max_warm: 16 << 20,
            max_connections: usize::MAX,
            max_unsent: None,
            keep_alive: true,
            http2: true,
            max_header_size: None,
            account: None,
        }
    }
}
