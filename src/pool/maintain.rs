//! `Maintain`: the sweep that gives memory back on its own.

use std::{sync::Weak, time::Duration};

use super::core::Core;

/// Four sweeps a second: a burst is given back within three seconds, and what the load uses at its own rhythm is not.
const SWEEP_PERIOD: Duration = Duration::from_millis(250);

/// How much one step gives back before other tasks may run: giving back costs the kernel about 20 us a MiB.
const STEP_BYTES: usize = 8 << 20;

/// Sweeps until the pool's last handle is gone.
pub(super) async fn maintain(core: Weak<Core>) {
    let mut ticks = tokio::time::interval(SWEEP_PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(goals) = core.upgrade().filter(|core| core.is_open()).map(|core| core.sweep()) else {
            return;
        };
        for (spare, mut goal) in goals {
            while goal > 0 {
                let Some((count, _)) = core.upgrade().map(|core| core.give_back(spare, goal, STEP_BYTES)) else {
                    return;
                };
                if count == 0 {
                    break;
                }
                goal = goal.saturating_sub(count);
                tokio::task::yield_now().await;
            }
        }
    }
}
