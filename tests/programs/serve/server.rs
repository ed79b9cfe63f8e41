//! The program, running.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::serve::{
    client::{Client, Reply},
    site::Site,
};

/// What a connection that is awake has reserved: that which asks for the figures.
const AWAKE_LEN: u64 = 18 << 10;

/// A server of a site on a free port; killed at the end.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Its first line.
    pub announcement: String,
}

impl Server {
    pub fn start(site: &Site) -> Self {
        Self::start_with(site, &[])
    }

    pub fn start_with(site: &Site, flags: &[&str]) -> Self {
        Self::launch(
            site,
            "127.0.0.1:0",
            Command::new(program()).args(flags).env_remove("RUST_LOG"),
        )
    }

    /// Starts it on this address; what it says is in the log of the site.
    pub fn start_at(site: &Site, listen: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(program());
        Self::launch(
            site,
            listen,
            command.args(flags).env_remove("RUST_LOG").stderr(site.create_log()),
        )
    }

    /// Starts it with `RUST_LOG`, or without; what it says is in the log of the site.
    pub fn start_logged(site: &Site, filter: Option<&str>) -> Self {
        let mut command = Command::new(program());
        command.env_remove("RUST_LOG").stderr(site.create_log());
        command.envs(filter.map(|filter| ("RUST_LOG", filter)));
        Self::launch(site, "127.0.0.1:0", &mut command)
    }

    /// Starts it under strace, if there is one that may, with flags for both.
    pub fn start_traced(site: &Site, trace: &[&str], flags: &[&str]) -> Option<Self> {
        let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
        tried.ok().filter(ExitStatus::success)?;
        let mut command = Command::new("strace");
        // -D: the child is the server, not strace.
        command.args(["-D", "-f", "-qq", "-o", "/dev/null"]).args(trace);
        command.arg("--").arg(program()).args(flags).env_remove("RUST_LOG");
        Some(Self::launch(site, "127.0.0.1:0", &mut command))
    }

    fn launch(site: &Site, listen: &str, command: &mut Command) -> Self {
        let mut child = command
            .args(["--listen", listen, "--root"])
            .arg(site.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut announcement = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut announcement)
            .expect("a line comes");
        let address = announcement
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|text| text.parse().ok());
        let address =
            address.unwrap_or_else(|| panic!("it says where it listens, not {announcement:?}"));
        Self { child, address, announcement }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks on a connection of its own.
    pub fn get(&self, path: &str) -> Reply {
        self.connect().ask("GET", path, &[])
    }

    /// A figure of `/-/pool`.
    pub fn figure(&self, name: &str) -> u64 {
        self.figures()[name].as_u64().unwrap_or_else(|| panic!("{name} is a number"))
    }

    pub fn figures(&self) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut reply = self.get("/-/pool");
        while reply.status == 503 && Instant::now() < deadline {
            // Too many wait already.
            sleep(Duration::from_millis(50));
            reply = self.get("/-/pool");
        }
        assert_eq!(reply.status, 200);
        serde_json::from_slice(&reply.body).expect("the figures are JSON")
    }

    /// Blocks come home a moment after the last byte is sent: when the server has seen that it was.
    /// What is reserved for connections comes home when they end or are parked.
    pub fn assert_comes_to_rest(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let figures = self.figures();
            if figures["leased"] == 0 && figures["reserved"].as_u64() <= Some(AWAKE_LEN) {
                return;
            }
            assert!(Instant::now() < deadline, "not at rest: {figures:#}");
            sleep(Duration::from_millis(20));
        }
    }

    /// What is leased once it has not changed for half a second: every client that does not read
    /// has filled its buffers.
    pub fn settled_leased(&self) -> u64 {
        let deadline = Instant::now() + Duration::from_secs(10);
        let (mut last, mut since) = (self.figure("leased"), Instant::now());
        while since.elapsed() < Duration::from_millis(500) {
            assert!(Instant::now() < deadline, "it does not settle: {:#}", self.figures());
            sleep(Duration::from_millis(20));
            let now = self.figure("leased");
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        last
    }

    /// The most physical memory that the process ever had, in bytes.
    pub fn peak_rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the process lives");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("the kernel keeps the peak");
        let kib = line.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a figure in KiB") << 10
    }

    /// How many files in this directory it has open, also without a name; the directory itself is
    /// none.
    pub fn open_files(&self, directory: &Path) -> usize {
        let descriptors =
            std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the process lives");
        let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.parent() == Some(directory)).count()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("the command `kill` runs");
        assert!(sent.success());
    }

    /// Waits for the process to end on its own.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program with flags that it does not accept.
pub fn run(flags: &[&str]) -> Output {
    Command::new(program()).args(flags).stdin(Stdio::null()).output().expect("the program starts")
}

/// The example beside this test. Built here if need be: a test that is run alone would leave an old
/// one, or none.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a path"); // target/PROFILE/deps/serve-HASH
        let profile_dir = test.ancestors().nth(2).expect("cargo's layout");
        let profile =
            match profile_dir.file_name().and_then(|name| name.to_str()).expect("cargo's layout") {
                "debug" => "dev",
                other => other,
            };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", "serve", "--profile", profile, "--target-dir"])
            .arg(profile_dir.parent().expect("cargo's layout"))
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the example `serve` must build");
        profile_dir.join("examples/serve")
    })
}
