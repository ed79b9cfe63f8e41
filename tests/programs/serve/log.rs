//! What is said on stderr.

use crate::serve::{server::Server, site::Site};

#[test]
fn each_request_is_a_line_when_that_is_asked_for() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start_logged(&site, Some("info"));
    let mut client = server.connect();
    client.ask("GET", "/file?query", &[]);
    client.ask("HEAD", "/none", &[]);
    client.ask("POST", "/", &["content-length: 0"]);
    let log = site.log();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines[0].contains("INFO")
            && lines[0].contains("method=GET path=\"/file\" status=200 bytes=4 ms="),
        "{log}"
    );
    assert!(lines[1].contains("method=HEAD path=\"/none\" status=404 bytes=0 ms="), "{log}");
    assert!(lines[2].contains("method=POST path=\"/\" status=405"), "{log}");
}

#[test]
fn what_the_pool_does_is_said_when_that_is_asked_for() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start_logged(&site, Some("leasehold=trace"));
    server.get("/file");
    let log = site.log();
    assert!(log.contains("more memory is leased than before"), "{log}");
    assert!(!log.contains("/file"), "{log}");
}

#[test]
fn nothing_is_said_of_what_is_ordinary() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start_logged(&site, None);
    assert_eq!(server.get("/file").status, 200);
    assert_eq!(server.get("/none").status, 404);
    assert_eq!(site.log(), "");
}

#[test]
fn no_control_character_of_a_client_is_written() {
    let site = Site::new();
    let server = Server::start_logged(&site, Some("trace"));
    // U+009B alone begins a command to a terminal; in UTF-8 it passes as part of a path.
    for path in ["/\u{9b}2J", "/%1b[2J", "/a\u{85}b", "/\u{202e}"] {
        server.get(path);
    }
    let log = site.log();
    assert!(log.contains("2J"), "{log}");
    assert!(log.lines().all(|line| !line.contains(char::is_control)), "{log:?}");
}
