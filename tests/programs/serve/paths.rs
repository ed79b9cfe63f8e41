//! What is not served.

use std::{fs, process::Command};

use crate::serve::{server::Server, site::Site};

#[test]
fn nothing_outside_of_the_root_is_served() {
    let site = Site::new();
    site.write("dir/file", b"inside");
    fs::write(site.root().join("../secret"), b"outside").expect("a file beside the root");
    site.link("out", "../secret");
    site.link("far", "/etc");
    site.link("dir/up", "../..");
    let server = Server::start(&site);
    for path in [
        "/../secret",
        "/dir/../../secret",
        "/%2e%2e/secret",
        "/%2E%2e%2fsecret",
        "/..%2fsecret",
        "/dir/%2e%2e/%2e%2e/secret",
        "/%252e%252e/secret",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/dir//file",
        "/./dir/file",
        "/dir/../dir/file",
        "/file%00",
        "/%ff",
        "/out",
        "/far/",
        "/far/passwd",
        "/dir/up/secret",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.text(), "nothing is served under this path\n", "{path}");
    }
    assert_eq!(server.get("/dir/file").text(), "inside");
    server.assert_comes_to_rest();
}

#[test]
fn hidden_files_are_not_served() {
    let site = Site::new();
    site.write(".env", b"secret");
    site.write(".git/config", b"secret");
    site.write("dir/.env", b"secret");
    site.link("environment", ".env");
    site.link("dir/repository", "../.git");
    let server = Server::start(&site);
    let direct =
        ["/.env", "/%2eenv", "/.git/", "/.git/config", "/.git", "/dir/.env", "/dir/%2Eenv"];
    let by_link = ["/environment", "/dir/repository", "/dir/repository/config"];
    for path in direct.into_iter().chain(by_link) {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn links_inside_of_the_root_are_followed() {
    let site = Site::new();
    site.write("dir/file", b"inside");
    site.link("link", "dir/file");
    site.link("shortcut", "dir");
    site.link("dir/back", "../dir/file");
    let server = Server::start(&site);
    for path in ["/link", "/shortcut/file", "/dir/back"] {
        assert_eq!(server.get(path).text(), "inside", "{path}");
    }
}

#[test]
fn only_regular_files_are_sent() {
    let site = Site::new();
    let made = Command::new("mkfifo")
        .arg(site.root().join("fifo"))
        .status()
        .expect("the command `mkfifo` runs");
    assert!(made.success());
    let server = Server::start(&site);
    assert_eq!(server.get("/fifo").status, 404); // and does not wait for a writer
    assert_eq!(server.get("/none").status, 404);
}

#[test]
fn other_methods_are_refused() {
    let site = Site::new();
    let server = Server::start(&site);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = server.connect().ask(method, "/", &[]);
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}
