//! `KeepAlive`: pings, for all sockets with one timer.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use crate::io::{Sleepers, Slot, TICK, Tick};

/// How sockets find out that a peer is gone: a ping when nothing came for a while, and an end when nothing comes back.
///
/// Make one, and give it to the [`Config`](super::Config) of many sockets: they share one coarse timer, of four ticks a second. A socket costs
/// some 100 bytes for it, in place of a timer of its own.
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

    pub(super) fn beat(&self) -> Beat {
        let shared = Arc::clone(&self.shared);
        let slot = shared.sleepers.join();
        let deadline = shared.sleepers.look().0.after(shared.interval);
        Beat { shared, slot, deadline, is_pinged: false, entered: None }
    }
}

impl fmt::Debug for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { interval, timeout, .. } = &*self.shared;
        f.debug_struct("KeepAlive").field("interval", interval).field("timeout", timeout).finish()
    }
}

/// One socket's part of it.
pub(super) struct Beat {
    shared: Arc<Shared>,
    slot: Slot,
    /// When it is to be pinged, or given up.
    deadline: Tick,
    is_pinged: bool,
    /// What stands in the list of sleepers. Its deadline may be an earlier one: a busy socket has a later one with each message, and moves its
    /// entry when the earlier one has come.
    entered: Option<(Waker, Tick)>,
}

/// What is to be done for a socket that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    Wait,
    Ping,
    GiveUp,
}

impl Beat {
    /// Something came.
    pub(super) fn heard(&mut self) {
        self.deadline = self.shared.sleepers.look().0.after(self.shared.interval);
        self.is_pinged = false;
    }

    /// Looks at the time; the task is woken when it is to look again.
    pub(super) fn check(&mut self, cx: &Context<'_>) -> Pulse {
        if !self.shared.is_ticking.swap(true, Relaxed) {
            tokio::spawn(tick(Arc::downgrade(&self.shared)));
        }
        loop {
            let (now, _) = self.shared.sleepers.look();
            if now >= self.deadline {
                if self.is_pinged {
                    return Pulse::GiveUp;
                }
                self.is_pinged = true;
                self.deadline = now.after(self.shared.timeout);
                return Pulse::Ping;
            }
            let is_entered = |(waker, entered): &(Waker, Tick)| {
                now < *entered && *entered <= self.deadline && waker.will_wake(cx.waker())
            };
            if self.entered.as_ref().is_some_and(is_entered) {
                return Pulse::Wait;
            }
            self.shared.sleepers.sleep(self.slot, cx, self.deadline, false);
            self.entered = Some((cx.waker().clone(), self.deadline));
            // And once more, for a tick may have passed before it was entered (WOKEN).
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.shared.sleepers.leave(self.slot);
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
