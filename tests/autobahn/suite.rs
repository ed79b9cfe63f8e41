//! The suite, as a process.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Sections 12 and 13, of permessage-deflate, move gigabytes: they are for `cargo test --release`.
const ALL: bool = !cfg!(debug_assertions);

/// How many cases there are.
pub(crate) const CASES: usize = if ALL { 517 } else { 301 };

/// On a busy machine; what hangs is ended.
pub(crate) const LONGEST: Duration = Duration::from_secs(900);

/// The command of the suite; none if it cannot be started.
pub(crate) fn command() -> Option<Command> {
    let path = std::env::var_os("KOSOKU").map_or_else(|| PathBuf::from("kosoku"), PathBuf::from);
    let is_there = Command::new(&path)
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !is_there {
        eprintln!("SKIPPED: no {} here; run tests/autobahn/install and set KOSOKU", path.display());
    }
    is_there.then(|| {
        let mut command = Command::new(path);
        if !ALL {
            command.args(["-x", "12.*", "-x", "13.*"]);
        }
        command
    })
}

/// A process that is stopped at the end.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the suite starts"))
    }

    /// Waits until it has ended by itself: then its reports are written.
    pub(crate) fn wait(mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.0.try_wait().expect("a process can be waited for").is_none() {
            assert!(Instant::now() < deadline, "the suite does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory for reports, removed at the end.
pub(crate) struct Reports(PathBuf);

impl Reports {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("leasehold-autobahn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
