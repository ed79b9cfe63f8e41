//! The sockets of the example `serve`, with clients that others wrote: Node's `ws` and Python's
//! `websockets`.
//!
//! They are found in `target/clients`, or where `LEASEHOLD_CLIENTS` says; CONTRIBUTING.md has the
//! commands that put them there. Without them these tests say so and pass.

use std::{path::PathBuf, process::Command};

use crate::program::Program;

/// Where the clients are installed.
fn place() -> PathBuf {
    let named = std::env::var_os("LEASEHOLD_CLIENTS").map(PathBuf::from);
    named.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/target/clients").into())
}

/// Whether it is there, as this command finds out.
fn is_there(name: &str, found_by: &mut Command) -> bool {
    let is_there = found_by.output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!(
            "*** SKIPPED, nothing was tested: there is no {name} in {}; see CONTRIBUTING.md",
            place().display()
        );
    }
    is_there
}

/// Runs this script against a server that declines compression, and against one that does not.
fn assert_plays(script: &str, client: impl Fn() -> Command) {
    for (flags, deflate) in [(&[][..], "plain"), (&["--deflate"], "deflate")] {
        let mut server = Program::start("serve", flags);
        let script = format!("{}/tests/programs/clients/{script}", env!("CARGO_MANIFEST_DIR"));
        let status = client().arg(script).arg(server.address.to_string()).arg(deflate).status();
        assert!(status.expect("it was there").success(), "{deflate}");
        server.signal("INT");
        let (status, said) = server.wait();
        assert!(status.success() && !said.contains("did not finish"), "{said}");
    }
}

#[test]
fn node_says_and_hears_all_of_it() {
    let node = || {
        let mut node = Command::new("node");
        node.env("NODE_PATH", place().join("node_modules"));
        node
    };
    if is_there("Node with `ws`", node().args(["--eval", "require('ws')"])) {
        assert_plays("node.mjs", node);
    }
}

#[test]
fn python_says_and_hears_all_of_it() {
    let python = || Command::new(place().join("python/bin/python"));
    if is_there(
        "Python with `websockets`",
        python().args(["-c", "import websockets.asyncio.client"]),
    ) {
        assert_plays("python.py", python);
    }
}
