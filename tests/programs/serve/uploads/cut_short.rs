//! Uploads that end before their last byte.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{assert_at_rest, begin, names, put, start, wait_for_a_part};
use crate::serve::site::Site;

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let site = Site::new();
    let server = start(&site, &[]);
    drop(begin(&server, "/up/file", 4 << 20, &vec![b'x'; 2 << 20]));
    let mut chunked = server.connect();
    chunked.send("PUT", "/up/file", &["transfer-encoding: chunked"]);
    assert!(chunked.write(b"4\r\ntext\r\n"));
    drop(chunked);
    server.assert_comes_to_rest();
    let deadline = Instant::now() + Duration::from_secs(5);
    while server.open_files(&site.inbox()) > 0 {
        assert!(Instant::now() < deadline, "a file is open");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(names(&site), [""; 0]);
    assert_eq!(put(&server, "/up/file", b"text").status, 201);
    assert_at_rest(&server, &site.inbox());
}

#[test]
#[ignore = "waits for the stall limit, 20 s"]
fn a_client_that_stops_sending_for_long_leaves_nothing() {
    let site = Site::new();
    let server = start(&site, &[]);
    let mut asleep = begin(&server, "/up/file", 4 << 20, &vec![b'x'; 2 << 20]);
    thread::sleep(Duration::from_secs(15));
    assert_eq!(server.open_files(&site.inbox()), 1);
    thread::sleep(Duration::from_secs(8));
    assert_eq!(server.open_files(&site.inbox()), 0);
    assert_eq!(asleep.read_to_end(), 0);
    assert_eq!(names(&site), [""; 0]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_broken_body_leaves_nothing() {
    let site = Site::new();
    let server = start(&site, &[]);
    let mut client = server.connect();
    client.send("PUT", "/up/file", &["transfer-encoding: chunked"]);
    assert!(client.write(b"4\r\ntext\r\nnot a length\r\n"));
    assert_eq!(client.reply("PUT").status, 400);
    assert_eq!(names(&site), [""; 0]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_server_that_is_killed_leaves_nothing() {
    let site = Site::new();
    let server = start(&site, &[]);
    let _client = begin(&server, "/up/file", 4 << 20, &vec![b'x'; 2 << 20]);
    wait_for_a_part(&server, &site.inbox());
    server.signal("KILL");
    drop(server);
    assert_eq!(names(&site), [""; 0]);
}

#[test]
fn a_server_that_is_stopped_waits_for_uploads_or_leaves_nothing_of_them() {
    let site = Site::new();
    let mut server = start(&site, &[]);
    let mut finished = begin(&server, "/up/finished", 1000, &[b'x'; 999]);
    let _cut = begin(&server, "/up/cut", 1000, &[b'x'; 999]);
    wait_for_a_part(&server, &site.inbox());
    thread::sleep(Duration::from_millis(200));
    server.signal("TERM");
    thread::sleep(Duration::from_millis(200));
    finished.write(b"x");
    assert_eq!(finished.reply("PUT").status, 201);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(names(&site), ["finished"]);
}
