//! `KeepAlive`: pings, for all sockets with one timer.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use crate::io::{Sleepers, TICK, Tick};

/// How sockets find out that a peer is gone: a ping when nothing came for a while, and an end when nothing comes back.
///
/// Make one, and give it to the [`Config`](super::Config) of many sockets: they share one coarse timer, of four ticks a second. A socket costs
/// some 60 bytes for it, in place of a timer of its own.
///
/// The timer runs in the runtime in which the first socket is polled, and ends with the last of what shares it.
///
/// # Examples
/// ```
/// use leasehold::ws::{Config, KeepAlive};
/// use std::time::Duration;
///
/// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(10));
/// let config = Config::new().keep_alive(&keep_alive);
/// # drop(config);
/// ```
#[derive(Clone)]
pub struct KeepAlive {
    shared: Arc<Shared>,
}

struct Shared {
    sleepers: Sleepers,
    is_ticking: AtomicBool,
    interval: Duration,
    timeout: Duration,
}

impl KeepAlive {
    /// Pings a peer of whom nothing came for `interval`, and gives it up when nothing came for `timeout` more. Neither is kept early, and either at most
    /// half a second late.
    pub fn new(interval: Duration, timeout: Duration) -> Self {
        let (sleepers, is_ticking) = (Sleepers::default(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { sleepers, is_ticking, interval, timeout }) }
    }

    pub(super) fn sleepers(&self) -> &Sleepers {
        &self.shared.sleepers
    }

    /// When a peer is pinged of whom something came now.
    pub(super) fn next_ping(&self) -> Tick {
        self.shared.sleepers.look().0.after(self.shared.interval)
    }

    /// When a peer is given up that was pinged then.
    pub(super) fn end_after(&self, pinged: Tick) -> Tick {
        pinged.after(self.shared.timeout)
    }

    /// Begins to tick, if that was not done before.
    pub(super) fn begin(&self) {
        let is_ticking = &self.shared.is_ticking;
        if !is_ticking.load(Relaxed) && !is_ticking.swap(true, Relaxed) {
            tokio::spawn(tick(Arc::downgrade(&self.shared)));
        }
    }
}

impl fmt::Debug for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { interval, timeout, .. } = &*self.shared;
        f.debug_struct("KeepAlive").field("interval", interval).field("timeout", timeout).finish()
    }
}

/// The one timer.
async fn tick(shared: Weak<Shared>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.sleepers.tick(false);
    }
}
