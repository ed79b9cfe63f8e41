//! `KeepAliveState`: a socket's settings, and its part in the pings of them.

use std::{sync::Arc, task::Context};

use super::{config::Config, keep_alive::KeepAlive};
use crate::{
    io::Mark,
    util::{Millis, SlotId, Wakes},
};

/// The settings that a socket shares, and what of their [`KeepAlive`] is its own: side by side, so
/// that one need not point to the other.
pub(in crate::ws) struct KeepAliveState {
    config: Arc<Config>,
    /// If there are pings.
    pings: Option<PingState>,
}

struct PingState {
    /// Of the waker that is in the timers.
    mark: Mark,
    slot: SlotId,
    /// The deadline there, in ticks. It may be an earlier one: a busy socket has a later one with
    /// each message, and moves its entry when the earlier one has come.
    entered: u32,
    due: Due,
}

/// When a peer is to be pinged, or given up: a tick, and a bit that says which. Ticks of 31 bits
/// are 17 years.
#[derive(Clone, Copy)]
struct Due(u32);

/// The last tick of all.
const NEVER: u32 = u32::MAX >> 1;

impl Due {
    fn ping(deadline: Millis) -> Self {
        Self(deadline.ticks().min(NEVER) << 1)
    }

    fn end(deadline: Millis) -> Self {
        Self(Self::ping(deadline).0 | 1)
    }

    fn is_pinged(self) -> bool {
        self.0 & 1 == 1
    }

    fn deadline(self) -> Millis {
        match self.0 >> 1 {
            NEVER => Millis::NEVER,
            deadline => Millis::from_ticks(deadline),
        }
    }
}

/// What is to be done for a socket that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum KeepAliveAction {
    Wait,
    Ping,
    GiveUp,
}

impl KeepAliveState {
    pub(in crate::ws) fn new(config: Arc<Config>) -> Self {
        let pings = config.keep_alive.as_ref().map(|keep_alive| PingState {
            mark: Mark::NONE,
            entered: u32::MAX,
            slot: keep_alive.timers().join(),
            due: Due::ping(keep_alive.next_ping()),
        });
        Self { config, pings }
    }

    #[inline]
    pub(in crate::ws) fn config(&self) -> &Config {
        &self.config
    }

    /// Something came.
    #[inline]
    pub(in crate::ws) fn heard(&mut self) {
        if let Some((keep_alive, pings)) = self.pings() {
            pings.due = Due::ping(keep_alive.next_ping());
        }
    }

    /// Looks at the time; the task is woken when it is to look again.
    #[inline]
    pub(in crate::ws) fn check(&mut self, cx: &Context<'_>) -> KeepAliveAction {
        match self.pings() {
            Some((keep_alive, pings)) => pings.check(keep_alive, cx),
            None => KeepAliveAction::Wait,
        }
    }

    #[inline]
    fn pings(&mut self) -> Option<(&KeepAlive, &mut PingState)> {
        // The settings last: others share them, and most have no pings.
        let pings = self.pings.as_mut()?;
        Some((self.config.keep_alive.as_ref()?, pings))
    }
}

impl PingState {
    fn check(&mut self, keep_alive: &KeepAlive, cx: &Context<'_>) -> KeepAliveAction {
        keep_alive.begin();
        let timers = keep_alive.timers();
        loop {
            let now = timers.now();
            let deadline = self.due.deadline();
            if now >= deadline {
                if self.due.is_pinged() {
                    return KeepAliveAction::GiveUp;
                }
                self.due = Due::end(keep_alive.end_after(now));
                return KeepAliveAction::Ping;
            }
            let entered = Millis::from_ticks(self.entered);
            let is_near = now < entered && entered <= deadline;
            let mark = Mark::of(cx.waker());
            if is_near && self.mark == mark {
                return KeepAliveAction::Wait;
            }
            timers.sleep(self.slot, cx, deadline, Wakes::AtDeadline);
            (self.mark, self.entered) = (mark, deadline.ticks());
            // And once more, for a tick may have passed before it was entered (WOKEN).
        }
    }
}

impl Drop for KeepAliveState {
    fn drop(&mut self) {
        if let Some((keep_alive, pings)) = self.pings() {
            keep_alive.timers().leave(pings.slot);
        }
    }
}
