//! An example as its users meet it: the real program, on a free port.

// Not every test file needs all of it.
#![allow(dead_code)]

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A running example; killed at the end.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts it on a free port, and waits until it says which.
    pub(crate) fn start(name: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(built(name))
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line comes");
        let address =
            line.trim().strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        let address = address.map(|text| text.strip_prefix("http://").unwrap_or(text));
        let address = address.and_then(|text| text.parse().ok());
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("it says where it listens, not {line:?}")),
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("the command `kill` runs");
        assert!(sent.success());
    }

    /// Waits for the process to end on its own; what it has said on stderr.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("messages are text");
        (status, said)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it with flags that it does not accept.
pub(crate) fn run(name: &str, flags: &[&str]) -> Output {
    Command::new(built(name)).args(flags).stdin(Stdio::null()).output().expect("the program starts")
}

/// Asserts that it does not start with these flags, and says why in these words.
#[track_caller]
pub(crate) fn assert_refused(name: &str, flags: &[&str], code: i32, words: &[&str]) {
    let output = run(name, flags);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    assert!(output.stdout.is_empty(), "nothing is announced");
    assert_eq!(output.status.code(), Some(code), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

/// The example beside this test. Built here if need be: a test that is run alone would leave an old
/// one, or none.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path"); // target/PROFILE/deps/NAME-HASH
    let profile_dir = test.ancestors().nth(2).expect("cargo's layout");
    let profile =
        match profile_dir.file_name().and_then(|name| name.to_str()).expect("cargo's layout") {
            "debug" => "dev",
            other => other,
        };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name, "--profile", profile, "--target-dir"])
        .arg(profile_dir.parent().expect("cargo's layout"))
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the example `{name}` must build");
    profile_dir.join("examples").join(name)
}
