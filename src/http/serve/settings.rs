//! `Settings`: how a server treats its connections.

use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;

use super::{builders::Builders, waiting_heads::WaitingHeads};
use crate::pool::{Account, LeaseError, Reservation};

/// How much of a half head needs no room in the pool: about as much as the connection itself holds.
const UNCOUNTED_LEN: usize = 512;

/// Awake connections get at most this fraction (1/n) of the pool. If they could fill it, all of
/// them would wait for memory, and none would go on.
const AWAKE_SHARE: usize = 2;

/// The streams of HTTP/2 get at most this fraction (1/n) of the pool.
const STREAMS_SHARE: usize = 4;

/// The window of an HTTP/2 connection is this fraction (1/n) of the pool, at most `WINDOW`.
const WINDOW_SHARE: usize = 256;

/// With this, a client that reads nothing on 100 streams holds less than a mebibyte: five windows,
/// 36 KiB, and 3 KiB a stream.
const WINDOW: usize = 128 << 10;

/// The windows that can be set. RFC 9113 §6.9.2: that of a connection is never shorter than the
/// first.
const WINDOWS: RangeInclusive<usize> = 65_535..=1 << 20;

/// Half heads get at most this fraction (1/n) of the pool.
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
    pub(super) evict_idle: bool,
    pub(super) count_upgraded: bool,
    pub(super) max_unsent: Option<u32>,
    pub(super) keep_alive: bool,
    pub(super) http2: bool,
    pub(super) http2_window: Option<u32>,
    pub(super) max_header_size: Option<usize>,
    pub(super) tcp_nodelay: Option<bool>,
    pub(super) account: Option<AccountSettings>,
    pub(super) builders: Builders,
}

/// Where the accounts of connections are opened, and the limit of each.
#[derive(Clone, Debug)]
pub(super) struct AccountSettings {
    pub(super) pool: Account,
    pub(super) limit: usize,
    /// Room for what hyper holds: a part of the pool, so that services have the rest.
    pub(super) awake: Account,
    /// Room for what hyper and h2 hold for the streams of HTTP/2. It is apart from that of awake
    /// connections, which waits for room; this does not.
    pub(super) streams: Account,
    /// Room for half heads: a part of the pool, so that clients that never end their heads cannot
    /// fill it.
    pub(super) heads: Account,
    /// Room for whole heads that wait for a place in `awake`, set aside when the server begins.
    pub(super) line: Option<Arc<WaitingHeads>>,
    /// Whether the pool was short at the last tick. To ask the pool costs two locks and a look at
    /// every shard.
    was_short: Arc<AtomicBool>,
}

impl AccountSettings {
    pub(super) fn new(pool: &Account, limit: usize) -> Self {
        let awake = pool.account("awake connections", pool.limit() / AWAKE_SHARE);
        let streams = pool.account("HTTP/2 streams", pool.limit() / STREAMS_SHARE);
        let heads = pool.account("half heads", pool.limit() / HEADS_SHARE);
        let was_short = Arc::default();
        Self { pool: pool.clone(), limit, awake, streams, heads, line: None, was_short }
    }

    /// Sets aside the room for heads that wait.
    fn begin(&mut self) {
        self.line = Some(WaitingHeads::new(&self.pool));
    }

    /// The same for the timer, which may end later than the server. The room for waiting heads goes
    /// home with the server.
    pub(super) fn for_timer(&self) -> Self {
        Self { line: None, ..self.clone() }
    }

    /// Whether connections should be parked at once, because others wait for their room. The state
    /// of the pool is that of the last tick.
    pub(super) fn is_short(&self) -> bool {
        let high_mark = self.awake.limit() - self.awake.limit() / 8;
        self.was_short.load(Relaxed) || self.awake.leased() >= high_mark
    }

    /// Asks the pool whether it is short; called at each tick.
    pub(super) fn ask_pool(&self) {
        self.was_short.store(self.pool.is_pressed(), Relaxed);
    }
}

impl Settings {
    /// The settings of a server that begins.
    pub(super) fn begin(mut self) -> Arc<Self> {
        self.account.iter_mut().for_each(AccountSettings::begin);
        Arc::new(self)
    }

    /// Whether an idle connection may be ended for a new one.
    pub(super) fn evicts(&self) -> bool {
        self.evict_idle && self.max_connections < usize::MAX
    }

    /// The window of an HTTP/2 connection, with a pool.
    pub(super) fn http2_window(&self) -> usize {
        let pool_len = self.account.as_ref().map_or(0, |account| account.pool.limit());
        let by_pool = (pool_len / WINDOW_SHARE).min(WINDOW);
        let window = self.http2_window.map_or(by_pool, |bytes| bytes as usize);
        window.clamp(*WINDOWS.start(), *WINDOWS.end())
    }

    /// Makes `room` grow to hold a half head, if there is room. A refusal counts where it is
    /// answered (TOLD).
    pub(super) fn try_hold(
        &self,
        head: &BytesMut,
        room: &mut Reservation,
    ) -> Result<(), LeaseError> {
        let Some(account) = self.account.as_ref().filter(|_| head.capacity() > UNCOUNTED_LEN)
        else {
            return Ok(());
        };
        let missing = head.capacity().saturating_sub(room.len());
        let more = account.heads.try_reserve_untold(missing)?;
        if room.is_empty() {
            *room = more;
        } else {
            room.absorb(more);
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // As nginx. After a longer pause most clients open a new connection anyway.
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
            evict_idle: true,
            count_upgraded: false,
            max_unsent: None,
            keep_alive: true,
            http2: true,
            http2_window: None,
            max_header_size: None,
            tcp_nodelay: None,
            account: None,
            builders: Builders::default(),
        }
    }
}
