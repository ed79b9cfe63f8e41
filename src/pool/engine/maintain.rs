//! The sweeps of `Pool::maintain`, which give memory back to the system.

use std::{sync::Weak, time::Duration};

use super::core::Core;
use crate::util::wake_list::contain;

/// Four sweeps a second give a burst back within three seconds, and do not give back what a steady
/// load uses.
const SWEEP_PERIOD: Duration = Duration::from_millis(250);

/// How much one step gives back before other tasks may run. It costs the kernel about 20 us for
/// each MiB.
const STEP_BYTES: usize = 8 << 20;

/// Sweeps until the pool's last handle is gone.
pub(in crate::pool) async fn maintain(core: Weak<Core>) {
    let mut ticks = tokio::time::interval(SWEEP_PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A waker that panics does not end the sweeps.
        let Some(goals) =
            core.upgrade().filter(|core| core.is_open()).map(|core| contain(|| core.sweep()))
        else {
            return;
        };
        for (spare, mut goal) in goals.into_iter().flatten() {
            while goal > 0 {
                let step =
                    core.upgrade().map(|core| contain(|| core.give_back(spare, goal, STEP_BYTES)));
                let Some(given_back) = step else { return };
                let (count, _) = given_back.unwrap_or_default();
                if count == 0 {
                    break;
                }
                goal = goal.saturating_sub(count);
                tokio::task::yield_now().await;
            }
        }
    }
}
