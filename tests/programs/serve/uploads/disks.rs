//! Disks that are full, or cannot be written.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::{assert_at_rest, begin, names, put, start, utf8};
use crate::serve::{
    curl,
    mounted::Mounted,
    server::{Server, run},
    site::Site,
};

#[test]
fn a_disk_that_is_full_is_said() {
    let site = Site::new();
    let Some(_mounted) = Mounted::on(&site.inbox(), "1m") else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    site.write_random("large", 3 << 20);
    let server = start(&site, &[]);
    let full = curl::upload(&server, utf8(&site.root().join("large")), "/up/large");
    assert_eq!(
        (full.status, full.text.as_str()),
        (507, "there is no room for this file\n"),
        "{full:?}"
    );
    assert_eq!(names(&site), [""; 0]);
    // What was written of it is gone.
    assert_eq!(put(&server, "/up/small", &[0; 500_000]).status, 201);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_at_the_start() {
    let site = Site::new();
    let inbox = site.inbox();
    let file = site.write("file", b"");
    let mounted = Mounted::on(&inbox, "1m");
    if let Some(mounted) = &mounted {
        mounted.make_read_only();
    }
    let read_only =
        mounted.as_ref().map(|_| (inbox, "name a directory in which this user may make files"));
    for (place, advice) in [
        (PathBuf::from("/no/such/place"), "name a directory that exists"),
        (file, "is not a directory"),
        // Nobody may make files there, not even root.
        (PathBuf::from("/proc"), "name a directory in which this user may make files"),
    ]
    .into_iter()
    .chain(read_only)
    {
        let output = run(&["--listen", "127.0.0.1:0", "--uploads", utf8(&place)]);
        let message = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(&format!("--uploads {}", place.display())), "{message}");
        assert!(message.contains(advice), "{message}");
    }
}

#[test]
fn a_disk_that_becomes_read_only_is_no_end() {
    let site = Site::new();
    let Some(mounted) = Mounted::on(&site.inbox(), "1m") else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let server = start(&site, &[]);
    assert_eq!(put(&server, "/up/before", b"text").status, 201);
    mounted.make_read_only();
    let reply = put(&server, "/up/after", b"text");
    assert_eq!((reply.status, reply.text()), (500, "the file cannot be written\n"));
    assert_eq!(names(&site), ["before"]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_file_system_without_unnamed_files_will_do() {
    let site = Site::new();
    let inbox = site.inbox();
    // Most have them: strace makes the calls that ask for one fail. It knows them by the directory;
    // the call that opens that one does not count, for it is written in another way there.
    let fault = ["-P", utf8(&inbox), "-e", "trace=openat", "-e", "inject=openat:error=EOPNOTSUPP"];
    let Some(mut server) =
        Server::start_traced(&site, &fault, &["--uploads", &format!("{}/.", inbox.display())])
    else {
        println!("skipped: there is no strace that may trace");
        return;
    };
    assert_eq!(names(&site), [""; 0]);
    assert_eq!(put(&server, "/up/file", b"text").status, 201);
    assert_eq!(put(&server, "/up/file", b"more").status, 409);
    let client = begin(&server, "/up/cut", 1000, b"x");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !names(&site).iter().any(|name| name.starts_with(".upload-")) {
        assert!(Instant::now() < deadline, "it has no name meanwhile");
    }
    drop(client);
    while names(&site) != ["file"] {
        assert!(Instant::now() < deadline, "its name stays");
    }
    assert_eq!(fs::read(inbox.join("file")).expect("it is there"), b"text");
    assert_at_rest(&server, &inbox);
    let _cut = begin(&server, "/up/cut", 1000, b"x");
    while names(&site).len() < 2 {
        assert!(Instant::now() < deadline, "it has no name meanwhile");
    }
    server.signal("TERM");
    thread::sleep(Duration::from_millis(200)); // or the two may become one
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(names(&site), ["file"]);
}
