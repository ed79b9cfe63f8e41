//! Uploads: whole or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::serve::{
    client::{Client, Reply},
    curl,
    mounted::Mounted,
    server::{Server, run},
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

#[test]
fn what_is_refused_is_not_asked_for() {
    let site = Site::new();
    site.write_random("large", 8 << 20);
    let server = start(&site, &["--upload-max", "10MiB"]);
    let large = site.root().join("large");
    assert_eq!(curl::upload(&server, utf8(&large), "/up/large").status, 201);
    let again = curl::upload(&server, utf8(&large), "/up/large");
    assert_eq!((again.status, again.sent), (409, 0), "{again:?}");
    site.write_sparse("too large", (10 << 20) + 1);
    let too_large = curl::upload(&server, utf8(&site.root().join("too large")), "/up/other");
    assert_eq!((too_large.status, too_large.sent), (413, 0), "{too_large:?}");
    for (path, status) in [("/up/.hidden", 400), ("/up/", 400), ("/large", 405), ("/up/large", 409)]
    {
        let mut client = server.connect();
        client.send("PUT", path, &["content-length: 1000", "expect: 100-continue"]);
        assert_eq!(client.reply("PUT").status, status, "{path}");
    }
    let mut client = server.connect();
    client.send("PUT", "/up/small", &["content-length: 4", "expect: 100-continue"]);
    assert_eq!(client.reply("PUT").status, 100);
    client.write(b"text");
    assert_eq!(client.reply("PUT").status, 201);
    assert_eq!(names(&site), ["large", "small"]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn whoever_sends_on_can_read_why_it_is_refused() {
    let site = Site::new();
    let server = start(&site, &["--upload-max", "16MiB"]);
    assert_eq!(put(&server, "/up/file", b"text").status, 201);
    let bytes = vec![0; 12 << 20];
    for (path, status) in [("/up/file", 409), ("/up/a%2Fb", 400), ("/file", 405)] {
        let mut client = begin(&server, path, bytes.len(), &bytes);
        assert_eq!(client.reply("PUT").status, status, "{path}");
        // All was read: the connection goes on.
        assert_eq!(client.ask("GET", "/none", &[]).status, 404);
    }
    // Not for ever.
    let mut client = begin(&server, "/up/file", 16 << 20, b"x");
    assert_eq!(client.reply("PUT").status, 409);
    let start = Instant::now();
    assert_eq!(client.read_to_end(), 0);
    assert!(start.elapsed() < Duration::from_secs(8), "it took {:?}", start.elapsed());
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn what_is_too_long_is_refused() {
    let site = Site::new();
    let server = start(&site, &["--upload-max", "1MiB"]);
    site.write_random("exact", 1 << 20);
    site.write_random("more", (1 << 20) + 1);
    let upload = |name: &str| {
        let file = fs::File::open(site.root().join(name)).expect("it was written");
        let curl = curl::command(&server, "-", &format!("/up/{name}")).stdin(file).spawn();
        curl::wait(curl.expect("the command `curl` runs")).status
    };
    assert_eq!(upload("exact"), 201);
    assert_eq!(upload("more"), 413);
    let reply = server.connect().ask("PUT", "/up/more", &["content-length: 1048577"]);
    assert_eq!(
        (reply.status, reply.text()),
        (413, "an upload has at most 1048576 bytes, 1.0 MiB\n")
    );
    assert_eq!(names(&site), ["exact"]);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn names_are_plain() {
    let site = Site::new();
    let server = start(&site, &[]);
    let long = "n".repeat(256);
    for (name, reason) in [
        ("", "the name is missing\n"),
        (".hidden", "a name does not begin with a dot\n"),
        ("..", "a name does not begin with a dot\n"),
        ("%2e%2e", "a name does not begin with a dot\n"),
        ("%2e%2e%2fout", "a name does not begin with a dot\n"),
        ("a/b", "a name has no slash and no NUL\n"),
        ("a%2fb", "a name has no slash and no NUL\n"),
        ("a%00", "a name has no slash and no NUL\n"),
        ("%ff", "a name is UTF-8\n"),
        (&long, "a name has at most 255 bytes\n"),
    ] {
        let reply = put(&server, &format!("/up/{name}"), b"text");
        assert_eq!((reply.status, reply.text()), (400, reason), "{name}");
    }
    for (name, link) in
        [("a b", "a%20b"), ("\u{e4}%?#", "%C3%A4%25%3F%23"), (&long[1..], &long[1..])]
    {
        let reply = put(&server, &format!("/up/{link}"), b"text");
        assert_eq!(
            (reply.status, reply.header("location")),
            (201, Some(&format!("/up/{link}")[..])),
            "{name}"
        );
        assert_eq!(fs::read(site.inbox().join(name)).expect("it is there"), b"text", "{name}");
    }
    assert_eq!(names(&site).len(), 3);
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn a_part_of_a_file_is_not_taken_for_the_whole() {
    let site = Site::new();
    let server = start(&site, &[]);
    let reply = server.connect().ask(
        "PUT",
        "/up/file",
        &["content-length: 0", "content-range: bytes 4-7/8"],
    );
    assert_eq!(
        (reply.status, reply.text()),
        (400, "a part of a file is not taken; send the whole\n")
    );
    assert_eq!(names(&site), [""; 0]);
}

#[test]
fn uploads_are_taken_under_their_path_alone() {
    let site = Site::new();
    site.write("up/file", b"of the root");
    let server = start(&site, &[]);
    for path in ["/", "/file", "/up", "/-/pool", "/upper/file"] {
        let reply = put(&server, path, b"text");
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    for method in ["POST", "DELETE", "PATCH"] {
        let reply = server.connect().ask(method, "/up/file", &["content-length: 0"]);
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some("GET, HEAD, PUT")),
            "{method}"
        );
    }
    // What is served is in the root.
    assert_eq!(put(&server, "/up/other", b"text").status, 201);
    assert_eq!(server.get("/up/other").status, 404);
    assert_eq!(server.get("/up/file").text(), "of the root");
    assert_at_rest(&server, &site.inbox());
}

#[test]
fn without_a_directory_none_are_taken() {
    let site = Site::new();
    let server = Server::start(&site);
    assert_eq!(put(&server, "/up/file", b"text").status, 404);
    let reply = server.connect().ask("POST", "/up/file", &["content-length: 0"]);
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
    server.assert_comes_to_rest();
}

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

#[test]
fn a_slow_disk_keeps_nobody_else_waiting() {
    let site = Site::new();
    site.write("file", b"text");
    let slow = ["-e", "trace=fsync", "-e", "inject=fsync:delay_enter=1000000"];
    let inbox = site.inbox();
    let Some(server) =
        Server::start_traced(&site, &slow, &["--budget", "64MiB", "--uploads", utf8(&inbox)])
    else {
        println!("skipped: there is no strace that may trace");
        return;
    };
    let mut clients: Vec<_> =
        (0..24).map(|index| begin(&server, &format!("/up/{index}"), 4, b"text")).collect();
    thread::sleep(Duration::from_millis(500));
    for path in ["/-/pool", "/file", "/?files"] {
        let start = Instant::now();
        assert_eq!(server.get(path).status, 200);
        assert!(start.elapsed() < Duration::from_millis(900), "{path} took {:?}", start.elapsed());
    }
    for client in &mut clients {
        assert_eq!(client.reply("PUT").status, 201);
    }
    assert_at_rest(&server, &inbox);
}

#[test]
fn clients_that_send_slowly_keep_nobody_from_the_figures() {
    let site = Site::new();
    let server = start(&site, &["--budget", "1MiB"]);
    let mut slow: Vec<_> =
        (0..100).map(|index| begin(&server, &format!("/up/{index}"), 1000, b"x")).collect();
    server.settled_leased();
    assert!(server.open_files(&site.inbox()) <= 4);
    for page in ["/", "/-/pool"] {
        assert_eq!(server.get(page).status, 200, "{page}");
    }
    let mut stored = 0;
    for client in &mut slow {
        client.write(&[b'x'; 999]);
        match client.reply("PUT") {
            reply if reply.status == 201 => stored += 1,
            reply => assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1"))),
        }
    }
    assert_eq!(names(&site).len(), stored);
    assert!(stored > 0);
    // One whose body came too late to be read on is kept as it is until its time is over, or its
    // client goes.
    drop(slow);
    assert_at_rest(&server, &site.inbox());
}
