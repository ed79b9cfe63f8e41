//! Clocks of the system: how long a thread has run, and how much else does.

use std::{fs, path::PathBuf, time::Duration};

/// How long a thread has run, in the system too.
#[derive(Clone)]
pub(crate) struct Clock {
    /// Where the system says so.
    schedstat: PathBuf,
}

impl Clock {
    /// Of this thread.
    pub(crate) fn here() -> Self {
        let task = fs::read_link("/proc/thread-self").expect("a thread has an entry");
        Self { schedstat: PathBuf::from("/proc").join(task).join("schedstat") }
    }

    pub(crate) fn ran(&self) -> Duration {
        let stat = fs::read_to_string(&self.schedstat).expect("the kernel keeps it");
        let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.expect("a number"))
    }
}

/// How many threads have wanted to run in the last minute, on average, of all programs.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").expect("the kernel keeps it");
    load.split(' ').next().unwrap_or_default().to_owned()
}
