//! `KeepAlive`: pings, for all sockets with one timer.
//!
//! # Invariants
//! - ONE-TIMER: `is_ticking` is true exactly while one [`Ticking`] exists. It goes with its task,
//!   also when the runtime of that ends.
//! - WATCHED: while a socket that was polled is in the list, somebody ticks, or nobody's runtime is
//!   left. It enters the list before it looks whether anybody ticks, and who stops looks at the
//!   list afterwards; the lock of the list puts the two in order.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use crate::util::{Millis, TICK, Timers};

/// How sockets find out that a peer is gone: a ping when nothing came for a while, and an end when
/// nothing comes back.
///
/// Make one, and give it to the [`Config`](crate::ws::Config) of many sockets: they share one
/// coarse timer, of four ticks a second. A socket costs some 60 bytes for it, in place of a timer
/// of its own.
///
/// The timer runs in the runtime in which the first socket is polled, and rests while there is
/// none.
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
    timers: Timers,
    is_ticking: AtomicBool,
    interval: Duration,
    timeout: Duration,
}

impl KeepAlive {
    /// Pings a peer of whom nothing came for `interval`, and gives it up when nothing came for
    /// `timeout` more. Neither is kept early, and either at most half a second late while the
    /// runtime keeps up.
    pub fn new(interval: Duration, timeout: Duration) -> Self {
        let (timers, is_ticking) = (Timers::default(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { timers, is_ticking, interval, timeout }) }
    }

    pub(in crate::ws) fn timers(&self) -> &Timers {
        &self.shared.timers
    }

    /// When a peer is pinged of whom something came now.
    pub(in crate::ws) fn next_ping(&self) -> Millis {
        self.shared.timers.now().deadline_after(self.shared.interval)
    }

    /// When a peer is given up that was pinged then.
    pub(in crate::ws) fn end_after(&self, pinged: Millis) -> Millis {
        pinged.deadline_after(self.shared.timeout)
    }

    /// Begins to tick, if nobody does; for a socket that is in the timers.
    pub(in crate::ws) fn begin(&self) {
        if !self.shared.is_ticking.load(Relaxed)
            && let Some(ticking) = Ticking::begin(&self.shared)
        {
            tokio::spawn(tick(ticking));
        }
    }
}

impl fmt::Debug for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { interval, timeout, .. } = &*self.shared;
        f.debug_struct("KeepAlive").field("interval", interval).field("timeout", timeout).finish()
    }
}

/// The one task that has it ticks (ONE-TIMER).
struct Ticking(Weak<Shared>);

impl Ticking {
    fn begin(shared: &Arc<Shared>) -> Option<Self> {
        (!shared.is_ticking.swap(true, Relaxed)).then(|| Self(Arc::downgrade(shared)))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.is_ticking.store(false, Relaxed);
        }
    }
}

/// The one timer, until there is no socket left.
async fn tick(mut ticking: Ticking) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(shared) = ticking.0.upgrade() else { return };
        shared.timers.tick();
        if shared.timers.is_empty() {
            drop(ticking);
            // A socket that came before that has seen a timer, and is in the list now (WATCHED).
            if shared.timers.is_empty() {
                return;
            }
            let Some(again) = Ticking::begin(&shared) else { return };
            ticking = again;
        }
    }
}
