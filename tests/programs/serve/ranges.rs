//! Parts of files.

use crate::serve::{client::Reply, server::Server, site::Site};

fn range(server: &Server, headers: &[&str]) -> Reply {
    server.connect().ask("GET", "/file", headers)
}

#[test]
fn a_range_is_sent_alone() {
    let site = Site::new();
    let bytes = site.write_random("file", 200_000);
    let server = Server::start(&site);
    for (asked, start, end) in [
        ("0-0", 0, 1),
        ("0-99", 0, 100),
        ("65535-65536", 65_535, 65_537),
        ("199999-", 199_999, 200_000),
        ("100000-999999", 100_000, 200_000),
        ("-1", 199_999, 200_000),
        ("-70000", 130_000, 200_000),
        ("-999999", 0, 200_000),
    ] {
        let reply = range(&server, &[&format!("range: bytes={asked}")]);
        assert_eq!(reply.status, 206, "{asked}");
        assert_eq!(
            reply.header("content-range"),
            Some(&format!("bytes {start}-{}/200000", end - 1)[..])
        );
        assert!(reply.body == bytes[start..end], "{asked} differs");
    }
    server.assert_comes_to_rest();
}

#[test]
fn a_range_behind_the_end_is_refused_with_the_length() {
    let site = Site::new();
    site.write("file", b"0123456789");
    let server = Server::start(&site);
    for asked in ["10-", "10-20", "-0"] {
        let reply = range(&server, &[&format!("range: bytes={asked}")]);
        assert_eq!(
            (reply.status, reply.header("content-range")),
            (416, Some("bytes */10")),
            "{asked}"
        );
    }
    site.write("file", b"");
    assert_eq!(range(&server, &["range: bytes=0-"]).status, 416);
}

#[test]
fn a_range_that_is_not_understood_is_ignored() {
    let site = Site::new();
    site.write("file", b"0123456789");
    let server = Server::start(&site);
    for asked in ["lines=1-2", "bytes=5-1", "bytes=a-b", "bytes=0-1,4-5", "bytes="] {
        let reply = range(&server, &[&format!("range: {asked}")]);
        assert_eq!((reply.status, reply.text()), (200, "0123456789"), "{asked}");
    }
}

#[test]
fn a_range_of_another_version_gets_the_whole_file() {
    let site = Site::new();
    site.write("file", b"0123456789");
    let server = Server::start(&site);
    let modified = server.get("/file").header("last-modified").expect("a date").to_owned();
    let status = |if_range: &str| {
        range(&server, &["range: bytes=2-4", &format!("if-range: {if_range}")]).status
    };
    assert_eq!(status(&modified), 206);
    assert_eq!(status("Sun, 06 Nov 1994 08:49:37 GMT"), 200);
    assert_eq!(status("\"tag\""), 200);
}
