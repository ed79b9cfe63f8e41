//! Files that arrive.

use std::{fs, thread, time::Duration};

use super::{assert_at_rest, begin, names, put, sha256, start, utf8, wait_for_a_part};
use crate::serve::{curl, site::Site};

#[test]
fn a_hundred_mebibytes_pass_through_a_budget_of_four() {
    let site = Site::new();
    site.write_random("large", 100 << 20);
    let large = site.root().join("large");
    let server = start(&site, &["--budget", "4MiB"]);
    let announced = curl::upload(&server, utf8(&large), "/up/announced");
    assert_eq!(
        (announced.status, announced.location.as_str()),
        (201, "/up/announced"),
        "{announced:?}"
    );
    assert_eq!(announced.text, "104857600 bytes are stored\n");
    let chunked = curl::command(&server, "-", "/up/chunked")
        .stdin(fs::File::open(&large).expect("it was written"))
        .spawn()
        .expect("the command `curl` runs");
    let chunked = curl::wait(chunked);
    assert_eq!(
        (chunked.status, chunked.text.as_str()),
        (201, "104857600 bytes are stored\n"),
        "{chunked:?}"
    );
    for name in ["announced", "chunked"] {
        assert!(sha256(&site.inbox().join(name)) == sha256(&large), "{name} differs");
    }
    // One block of 64 KiB at a time, what hyper may hold, and the connection.
    assert!(server.figure("peak") <= 700 << 10, "{:#}", server.figures());
    let rss = server.peak_rss();
    assert!(rss < 20 << 20, "{rss} bytes of memory");
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn files_of_every_size_arrive_byte_for_byte() {
    let site = Site::new();
    let server = start(&site, &[]);
    for len in [0, 1, 4095, 65_535, 65_536, 65_537, 3 << 20] {
        let bytes = site.write_random("file", len);
        let reply = put(&server, &format!("/up/{len}"), &bytes);
        assert_eq!((reply.status, reply.text()), (201, &format!("{len} bytes are stored\n")[..]));
        assert!(
            fs::read(site.inbox().join(len.to_string())).expect("it is there") == bytes,
            "{len} bytes differ"
        );
    }
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_connection_is_kept_for_the_next_upload() {
    let site = Site::new();
    let server = start(&site, &[]);
    let mut client = server.connect();
    for index in 0..10 {
        client.send("PUT", &format!("/up/{index}"), &["content-length: 4"]);
        client.write(b"text");
        assert_eq!(client.reply("PUT").status, 201);
        client.send("PUT", "/up/0", &["content-length: 4"]);
        client.write(b"more");
        assert_eq!(client.reply("PUT").status, 409);
    }
    assert_eq!(names(&site).len(), 10);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_name_that_is_taken_keeps_what_it_has() {
    let site = Site::new();
    let inbox = site.inbox();
    fs::write(inbox.join("file"), "old").expect("it can be written");
    fs::create_dir(inbox.join("dir")).expect("it can be made");
    fs::write(site.root().join("target"), "old").expect("it can be written");
    for (name, target) in [("link", "../root/target"), ("dangling", "../root/none")] {
        std::os::unix::fs::symlink(target, inbox.join(name)).expect("the link can be made");
    }
    let server = start(&site, &[]);
    for name in ["file", "dir", "link", "dangling"] {
        let reply = put(&server, &format!("/up/{name}"), b"new");
        assert_eq!(
            (reply.status, reply.text()),
            (409, "there is a file of this name; choose another\n"),
            "{name}"
        );
    }
    assert_eq!(names(&site), ["dangling", "dir", "file", "link"]);
    assert_eq!(fs::read_to_string(inbox.join("file")).expect("it is there"), "old");
    assert_eq!(fs::read_to_string(site.root().join("target")).expect("it is there"), "old");
    assert!(!site.root().join("none").exists());
    assert_at_rest(&server, &inbox);
}

#[test]
fn of_uploads_of_one_name_at_once_one_is_stored() {
    let site = Site::new();
    let server = start(&site, &[]);
    for round in 0..5 {
        let path = format!("/up/{round}");
        let mut clients: Vec<_> =
            (0..8).map(|_| begin(&server, &path, 100_000, &[b'x'; 50_000])).collect();
        let rest = |index: u8| [b'0' + index; 50_000];
        thread::scope(|scope| {
            for (index, client) in (0..).zip(&mut clients) {
                scope.spawn(move || assert!(client.write(&rest(index))));
            }
        });
        let statuses: Vec<_> =
            clients.iter_mut().map(|client| client.reply("PUT").status).collect();
        let winner = statuses.iter().position(|&status| status == 201).expect("one is stored");
        assert_eq!(statuses.iter().filter(|&&status| status == 409).count(), 7, "{statuses:?}");
        let stored = fs::read(site.inbox().join(round.to_string())).expect("it is there");
        assert!(stored.len() == 100_000 && stored[50_000..] == rest(winner as u8), "{round}");
    }
    assert_eq!(names(&site), ["0", "1", "2", "3", "4"]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn nothing_is_seen_of_a_file_before_its_last_byte() {
    let site = Site::new();
    let server = start(&site, &[]);
    let mut client = begin(&server, "/up/file", 200_000, &[b'x'; 199_999]);
    wait_for_a_part(&server, &site.inbox());
    thread::sleep(Duration::from_millis(200));
    assert_eq!(names(&site), [""; 0]);
    // It sleeps: what came is written.
    assert_eq!(server.figure("leased"), 0);
    client.write(b"x");
    assert_eq!(client.reply("PUT").status, 201);
    assert_eq!(names(&site), ["file"]);
    assert_at_rest(&server, &site.inbox());
}
