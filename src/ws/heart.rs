//! `Heart`: a socket's settings, and its part in the pings of them.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use super::{config::Config, keep_alive::KeepAlive};
use crate::io::{Slot, Tick};

/// The settings that a socket shares, and what of their [`KeepAlive`] is its own: side by side, so that one need not point to the other.
pub(super) struct Heart {
    config: Arc<Config>,
    /// If there are pings.
    beat: Option<Beat>,
}

struct Beat {
    /// What stands in the list of sleepers, with this deadline. It may be an earlier one: a busy socket has a later one with each message, and
    /// moves its entry when the earlier one has come.
    waker: Option<Waker>,
    entered: Tick,
    slot: Slot,
    /// When it is to be pinged, or given up.
    deadline: Tick,
    is_pinged: bool,
}

/// What is to be done for a socket that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    Wait,
    Ping,
    GiveUp,
}

impl Heart {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let beat = config.keep_alive.as_ref().map(|keep_alive| Beat {
            waker: None,
            entered: Tick::NEVER,
            slot: keep_alive.sleepers().join(),
            deadline: keep_alive.next_ping(),
            is_pinged: false,
        });
        Self { config, beat }
    }

    #[inline]
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Something came.
    #[inline]
    pub(super) fn heard(&mut self) {
        if let Some((keep_alive, beat)) = self.beat() {
            beat.deadline = keep_alive.next_ping();
            beat.is_pinged = false;
        }
    }

    /// Looks at the time; the task is woken when it is to look again.
    #[inline]
    pub(super) fn check(&mut self, cx: &Context<'_>) -> Pulse {
        match self.beat() {
            Some((keep_alive, beat)) => beat.check(keep_alive, cx),
            None => Pulse::Wait,
        }
    }

    #[inline]
    fn beat(&mut self) -> Option<(&KeepAlive, &mut Beat)> {
        // The settings last: others share them, and most have no pings.
        let beat = self.beat.as_mut()?;
        Some((self.config.keep_alive.as_ref()?, beat))
    }
}

impl Beat {
    fn check(&mut self, keep_alive: &KeepAlive, cx: &Context<'_>) -> Pulse {
        keep_alive.begin();
        let sleepers = keep_alive.sleepers();
        // `will_wake` may say no of a waker and its own clone: one that was entered is not asked about again.
        let mut is_entered = false;
        loop {
            let (now, _) = sleepers.look();
            if now >= self.deadline {
                if self.is_pinged {
                    return Pulse::GiveUp;
                }
                self.is_pinged = true;
                self.deadline = keep_alive.end_after(now);
                return Pulse::Ping;
            }
            let is_near = now < self.entered && self.entered <= self.deadline;
            if is_entered {
                return Pulse::Wait;
            }
            if is_near && self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Pulse::Wait;
            }
            sleepers.sleep(self.slot, cx, self.deadline, false);
            (self.waker, self.entered) = (Some(cx.waker().clone()), self.deadline);
            is_entered = true;
            // And once more, for a tick may have passed before it was entered (WOKEN).
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        if let Some((keep_alive, beat)) = self.beat() {
            keep_alive.sleepers().leave(beat.slot);
        }
    }
}
