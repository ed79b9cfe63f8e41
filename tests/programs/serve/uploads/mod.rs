//! Uploads: whole or not at all.

mod cut_short;
mod disks;
mod refused;
mod slow;
mod whole;

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::serve::{
    client::{Client, Reply},
    server::Server,
    site::Site,
};

/// A server that takes uploads.
fn start(site: &Site, flags: &[&str]) -> Server {
    let inbox = site.inbox();
    Server::start_with(site, &[&["--uploads", utf8(&inbox)], flags].concat())
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("temporary directories are UTF-8")
}

/// The names in the inbox, hidden ones too.
fn names(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.inbox()).expect("it can be read");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().expect("UTF-8")).collect()
}

fn sha256(path: &Path) -> Vec<u8> {
    let file = fs::File::open(path).expect("it is there");
    Command::new("sha256sum").stdin(file).output().expect("the command `sha256sum` runs").stdout
}

/// Uploads bytes of an announced length, without waiting to be asked for them.
fn put(server: &Server, path: &str, bytes: &[u8]) -> Reply {
    let mut client = server.connect();
    client.send("PUT", path, &[&format!("content-length: {}", bytes.len())]);
    client.write(bytes);
    client.reply("PUT")
}

/// Begins an upload and sends a part of it.
fn begin(server: &Server, path: &str, len: usize, part: &[u8]) -> Client {
    let mut client = server.connect();
    client.send("PUT", path, &[&format!("content-length: {len}")]);
    assert!(client.write(part), "the server reads");
    client
}

/// Waits until the server has written something that is not there yet: files without a name are
/// seen among its descriptors.
fn wait_for_a_part(server: &Server, inbox: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.open_files(inbox) == 0 {
        assert!(Instant::now() < deadline, "no upload begins");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Nothing is leased, and no part of an upload is open.
fn assert_at_rest(server: &Server, inbox: &Path) {
    server.assert_comes_to_rest();
    assert_eq!(server.open_files(inbox), 0);
}
