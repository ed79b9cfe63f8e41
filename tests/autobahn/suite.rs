//! The suite, as a process.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// All sections, those of permessage-deflate included.
pub const CASES: usize = 517;

/// On a busy machine; what hangs is ended.
pub const LONGEST: Duration = Duration::from_secs(900);

/// The command of the suite; none if it cannot be started.
pub fn command() -> Option<Command> {
    let path = std::env::var_os("KOSOKU").map_or_else(|| PathBuf::from("kosoku"), PathBuf::from);
    let is_there = Command::new(&path).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_there {
        eprintln!("SKIPPED: no {} here; run tests/autobahn/install and set KOSOKU", path.display());
    }
    is_there.then(|| Command::new(path))
}

/// A process that is stopped at the end.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the suite starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory for reports, removed at the end.
pub struct Reports(PathBuf);

impl Reports {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("leasehold-autobahn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
