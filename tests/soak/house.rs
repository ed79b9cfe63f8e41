//! `House`: the pool, its accounts, and what guests and servers know of each other.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use leasehold::{
    Account, Pool,
    ws::{Config, Deflate},
};
use tokio::{net::TcpListener, sync::watch};

use crate::{excuses::Excuses, tally::Tally};

pub(crate) const BUDGET: usize = 32 * MIB;
const MIB: usize = 1 << 20;

/// What any wait for memory may take: shorter than users would have it, so that some fail.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What all who work here share.
pub(crate) struct House {
    pub(crate) pool: Pool,
    pub(crate) accounts: Accounts,
    pub(crate) addresses: Addresses,
    pub(crate) tally: Tally,
    pub(crate) excuses: Excuses,
    /// Messages of sockets are compressed with this, or not.
    pub(crate) plain: Arc<Config>,
    pub(crate) deflated: Arc<Config>,
    /// What the pool has refused by the last time that somebody looked.
    pub(crate) refused: AtomicU64,
    stage: watch::Sender<Stage>,
}

/// Together they may have more than there is.
pub(crate) struct Accounts {
    pub(crate) http: Account,
    pub(crate) frames: Account,
    pub(crate) lines: Account,
    pub(crate) counted: Account,
    pub(crate) relay: Account,
    pub(crate) feed: Account,
    pub(crate) sockets: Account,
    pub(crate) hub: Account,
    pub(crate) storm: Account,
    /// Guests that use this crate too.
    pub(crate) guests: Account,
}

/// Where the servers are.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) frames: SocketAddr,
    pub(crate) lines: SocketAddr,
    pub(crate) counted: SocketAddr,
    pub(crate) relay: SocketAddr,
    pub(crate) feed: SocketAddr,
}

/// The sockets at these addresses.
pub(crate) struct Doors {
    pub(crate) http: TcpListener,
    pub(crate) frames: TcpListener,
    pub(crate) lines: TcpListener,
    pub(crate) counted: TcpListener,
    pub(crate) relay: TcpListener,
    pub(crate) feed: TcpListener,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    /// No more guests come.
    Closing,
    /// The servers stop.
    Closed,
}

impl House {
    pub(crate) async fn open() -> (Arc<Self>, Doors) {
        let doors = Doors::open().await;
        let pool =
            Pool::builder().budget(BUDGET).max_wait(WAIT_MAX).build().expect("room for 32 MiB");
        let deflate =
            Deflate::builder().max_compressors(2).build(&pool).expect("room for four compressors");
        let config = || Config::new().max_message_size(2 * MIB);
        let house = Self {
            accounts: Accounts::new(&pool),
            addresses: doors.addresses(),
            tally: Tally::default(),
            excuses: Excuses::default(),
            plain: Arc::new(config()),
            deflated: Arc::new(config().deflate(&deflate)),
            refused: AtomicU64::new(0),
            stage: watch::Sender::new(Stage::Open),
            pool,
        };
        (Arc::new(house), doors)
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.stage.borrow() >= Stage::Closing
    }

    /// No more guests.
    pub(crate) fn close(&self) {
        self.stage.send_replace(Stage::Closing);
    }

    /// Waits for that, at most so long; whether it is so.
    pub(crate) async fn closing_within(&self, within: Duration) -> bool {
        tokio::time::timeout(within, self.at(Stage::Closing)).await.is_ok()
    }

    /// No more servers.
    pub(crate) fn stop(&self) {
        self.stage.send_replace(Stage::Closed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.stage.borrow() >= Stage::Closed
    }

    /// Waits for that.
    pub(crate) async fn stopped(&self) {
        self.at(Stage::Closed).await;
    }

    async fn at(&self, stage: Stage) {
        self.stage
            .subscribe()
            .wait_for(|now| *now >= stage)
            .await
            .expect("the house has the sender");
    }

    /// What the pool has refused; at most a moment old.
    pub(crate) fn refused_lately(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

impl Accounts {
    fn new(pool: &Pool) -> Self {
        Self {
            http: pool.account("http", 20 * MIB),
            frames: pool.account("frames", 12 * MIB),
            lines: pool.account("lines", 6 * MIB),
            counted: pool.account("counted", 6 * MIB),
            relay: pool.account("relay", 8 * MIB),
            feed: pool.account("feed", 8 * MIB),
            sockets: pool.account("sockets", 12 * MIB),
            hub: pool.account("hub", 4 * MIB),
            storm: pool.account("storm", 28 * MIB),
            guests: pool.account("guests", 12 * MIB),
        }
    }

    /// Those whose limits change.
    pub(crate) fn tenants(&self) -> [&Account; 8] {
        let Self { http, frames, lines, counted, relay, feed, sockets, hub, .. } = self;
        [http, frames, lines, counted, relay, feed, sockets, hub]
    }
}

impl Doors {
    async fn open() -> Self {
        let door = || async { TcpListener::bind("127.0.0.1:0").await.expect("a free port") };
        Self {
            http: door().await,
            frames: door().await,
            lines: door().await,
            counted: door().await,
            relay: door().await,
            feed: door().await,
        }
    }

    fn addresses(&self) -> Addresses {
        let address = |door: &TcpListener| door.local_addr().expect("it is bound");
        Addresses {
            http: address(&self.http),
            frames: address(&self.frames),
            lines: address(&self.lines),
            counted: address(&self.counted),
            relay: address(&self.relay),
            feed: address(&self.feed),
        }
    }
}
