//! `Home`: all is as it was before the first guest came.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use leasehold::Pool;
use tokio::runtime::Handle;

/// How long whatever is on its way home may take.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// How long `maintain` may take to give memory back: it gives half of what is not needed four times
/// a second.
const TRIMMED_WITHIN: Duration = Duration::from_secs(10);

/// What `maintain` may leave mapped, as in `tests/it/trimming.rs`. `trim` leaves nothing.
const MAPPED_LEFT: usize = 1 << 20;

/// What the descriptors of this process stand for: files, or sockets by their numbers.
fn descriptors() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc/self/fd").expect("a system with /proc");
    entries.map(|entry| fs::read_link(entry.expect("an entry").path()).unwrap_or_default())
}

/// What this process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    descriptors: usize,
    tasks: usize,
}

impl Home {
    pub(crate) fn now() -> Self {
        Self {
            descriptors: descriptors().count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// With `maintain` running, which ends with the pool. `pool` is its last handle.
    pub(crate) async fn assert_all_home(self, pool: Pool) {
        let maintaining = Self { tasks: self.tasks + 1, ..self };
        until(QUIET_WITHIN, || {
            let (stats, now) = (pool.stats(), Self::now());
            let is_home =
                (stats.leased, stats.reserved, stats.waiting) == (0, 0, 0) && now == maintaining;
            if is_home {
                Ok(())
            } else {
                Err(format!(
                    "{now:?} and not {maintaining:?}, {:?}, {stats:?}",
                    descriptors().collect::<Vec<_>>()
                ))
            }
        })
        .await;
        assert_eq!(pool.leased(), 0);
        assert!(
            pool.stats().accounts.iter().all(|account| account.leased == 0),
            "{:?}",
            pool.stats().accounts
        );
        until(TRIMMED_WITHIN, || {
            let mapped = pool.stats().mapped;
            if mapped <= MAPPED_LEFT {
                Ok(())
            } else {
                Err(format!("{mapped} bytes are still mapped"))
            }
        })
        .await;
        pool.trim();
        let stats = pool.stats();
        assert_eq!((stats.mapped, stats.cached, stats.leased), (0, 0, 0));
        assert!(
            stats.classes.iter().all(|class| (class.leased, class.cached, class.free) == (0, 0, 0))
        );
        drop(pool);
        until(QUIET_WITHIN, || {
            if Self::now() == self { Ok(()) } else { Err(format!("{:?}", Self::now())) }
        })
        .await;
    }
}

async fn until(within: Duration, mut look: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + within;
    while let Err(state) = look() {
        assert!(Instant::now() < deadline, "after {within:?}: {state}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
