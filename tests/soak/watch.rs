//! `Watch`: looks at the pool all the time, from a thread of its own.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use leasehold::http::serve::Connections;

use crate::house::House;

const EVERY: Duration = Duration::from_millis(50);
const MINUTE: Duration = Duration::from_secs(60);

/// What the allocator may keep more of one minute than of another.
const GROWTH_MAX: usize = 16 << 20;

pub(crate) struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Sightings>,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Sightings {
    /// The most, in bytes.
    pub(crate) mapped: usize,
    pub(crate) leased: usize,
    /// The most connections of the HTTP server that held nothing, at once.
    pub(crate) parked: usize,
    /// What was resident of this process, in bytes, and when.
    resident: Vec<(Duration, usize)>,
}

impl Watch {
    pub(crate) fn start(house: &Arc<House>, connections: Connections) -> Self {
        let (is_over, house) = (Arc::new(AtomicBool::new(false)), Arc::clone(house));
        let thread = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || Sightings::gather(&house, &connections, &is_over)
        });
        Self { is_over, thread }
    }

    /// The thread ends, and has seen nothing wrong.
    pub(crate) fn stop(self) -> Sightings {
        self.is_over.store(true, Relaxed);
        self.thread.join().expect("nothing wrong was seen")
    }
}

impl Sightings {
    fn gather(house: &House, connections: &Connections, is_over: &AtomicBool) -> Self {
        let (began, mut seen) = (Instant::now(), Self::default());
        while !is_over.load(Relaxed) {
            let stats = house.pool.stats();
            assert!(
                stats.mapped <= stats.budget,
                "{} bytes of {} are mapped",
                stats.mapped,
                stats.budget
            );
            house.refused.store(stats.refused, Relaxed);
            seen.mapped = seen.mapped.max(stats.mapped);
            seen.leased = seen.leased.max(stats.leased);
            seen.parked = seen.parked.max(connections.parked());
            seen.resident.push((began.elapsed(), resident()));
            thread::sleep(EVERY);
        }
        seen
    }

    /// What was resident in the last minute is not much more than in the second.
    pub(crate) fn assert_no_growth(&self, time: Duration) {
        let (early, late) = (self.resident(MINUTE, 2 * MINUTE), self.resident(time - MINUTE, time));
        assert!(
            late <= early + early / 4 + GROWTH_MAX,
            "{early} bytes were resident, and then {late}"
        );
    }

    /// The most that was resident within a part of the time.
    pub(crate) fn resident(&self, from: Duration, to: Duration) -> usize {
        let within = self.resident.iter().filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, bytes)| *bytes).max().unwrap_or_default()
    }
}

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("a system with /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says so");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
