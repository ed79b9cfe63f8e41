//! Uploads that are refused.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{assert_at_rest, begin, names, put, start, utf8};
use crate::serve::{curl, server::Server, site::Site};

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
