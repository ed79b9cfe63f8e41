//! What fuzzers found worth keeping: each file of `fuzz/corpus` goes through the function that its
//! target fuzzes.
//!
//! `fuzz/run` looks for more.

mod chain;
mod codecs;
mod http_parking;
mod input;
mod ws_frames;

use std::{fs, path::Path};

/// Fewer files are a corpus that is not there.
const FILES_MIN: usize = 10;

fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("a file").path();
        println!("{}", path.display());
        run(&fs::read(&path).expect("its bytes"));
        count += 1;
    }
    assert!(count >= FILES_MIN, "{} has {count} files", folder.display());
}

#[test]
fn operations_on_chains() {
    replay("chain", chain::run);
}

#[test]
fn length_delimited_frames() {
    replay("length_delimited", codecs::length_delimited);
}

#[test]
fn lines() {
    replay("lines", codecs::lines);
}

#[test]
fn frames_of_websockets() {
    replay("ws_frames", ws_frames::run);
}

#[test]
fn scripts_to_a_server_that_parks() {
    replay("http_parking", http_parking::run);
}
