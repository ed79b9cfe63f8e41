//! What the server shows of itself, and to whom.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use crate::serve::{
    client::Reply,
    server::{Server, run},
    site::Site,
};

const PATHS: [&str; 3] = ["/", "/-/pool", "/metrics"];

fn ask_as(server: &Server, host: &str, path: &str) -> Reply {
    let mut client = server.connect();
    client.host = host.to_owned();
    client.ask("GET", path, &[])
}

/// What the server says when it is asked for a path in these bytes, `{}` being the path.
fn ask_in(server: &Server, request: &str, path: &str) -> Reply {
    let mut client = server.connect();
    client.send_bytes(request.replace("{}", path).as_bytes());
    client.reply("GET")
}

/// The value of a line of Prometheus text.
fn value(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in\n{text}"))
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let server = Server::start(&Site::new());
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    // The name of SVG is an address that nobody visits.
    let foreign = text.replace("http://www.w3.org/2000/svg", "");
    for outside in [
        "http:",
        "https:",
        "//fonts",
        "@import",
        "src=",
        "innerHTML",
        "insertAdjacentHTML",
        "style=\"",
    ] {
        assert!(!foreign.contains(outside), "{outside}");
    }
    assert!(
        text.contains("href=\"?files\"")
            && text.contains("href=\"-/pool\"")
            && text.contains("href=\"metrics\"")
    );
    assert_eq!(
        server.connect().ask("HEAD", "/", &[]).header("content-length"),
        page.header("content-length")
    );
    assert_eq!(server.get("/?anything").body, page.body);
    assert_eq!(server.connect().ask("POST", "/", &["content-length: 0"]).status, 405);
}

#[test]
fn all_of_it_is_locked_down_by_headers() {
    let server = Server::start(&Site::new());
    for path in PATHS {
        let reply = server.get(path);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(
            policy.contains("connect-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn the_policy_allows_the_style_and_the_script_that_are_sent() {
    let server = Server::start(&Site::new());
    let page = server.get("/");
    let policy = page.header("content-security-policy").expect("a policy");
    for tag in ["style", "script"] {
        let rest = page.text().split_once(&format!("<{tag}>")).expect("there is one").1;
        let inside = rest.split_once(&format!("</{tag}>")).expect("it ends").0;
        let allowed =
            format!("{tag}-src 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(inside)));
        assert!(policy.contains(&allowed), "{allowed} is not in {policy}");
    }
}

#[test]
fn files_are_listed_beside_the_page() {
    let site = Site::new();
    site.write("dir/file", b"text");
    let server = Server::start(&site);
    assert!(server.get("/?files").text().contains("<a href=\"dir/\">dir/</a>"));
    assert!(server.get("/dir/").text().contains("<a href=\"../?files\">../</a>"));
    server.assert_comes_to_rest();
}

#[test]
fn it_is_shown_under_the_servers_own_names() {
    let server = Server::start(&Site::new());
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        for path in PATHS {
            assert_eq!(
                ask_as(&server, &format!("{host}:{port}"), path).status,
                200,
                "{host} {path}"
            );
        }
    }
}

#[test]
fn a_page_of_another_site_cannot_read_it_under_its_own_name() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start(&site);
    let port = server.address.port();
    for host in [
        String::new(),
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        "localhost:1".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        format!("evil.example@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
        format!("127.0.0.2:{port}"),
        format!("0.0.0.0:{port}"),
        format!("localhost:0{port}"),
    ] {
        for path in PATHS {
            let reply = ask_as(&server, &host, path);
            assert!([400, 403].contains(&reply.status), "{host:?} {path}: {}", reply.status);
            assert!(!reply.text().contains("leased"), "{host:?} {path}");
        }
    }
    // Files are as public as they ever were.
    assert_eq!(ask_as(&server, "evil.example", "/file").text(), "text");
}

#[test]
fn a_request_names_one_host() {
    let server = Server::start(&Site::new());
    let own = server.address;
    for path in PATHS {
        let two = format!("GET {{}} HTTP/1.1\r\nhost: {own}\r\nhost: evil.example\r\n\r\n");
        assert!([400, 403].contains(&ask_in(&server, &two, path).status), "{path}");
        assert_eq!(ask_in(&server, "GET {} HTTP/1.0\r\n\r\n", path).status, 403, "{path}");
        let old = format!("GET {{}} HTTP/1.0\r\nhost: {own}\r\n\r\n");
        assert_eq!(ask_in(&server, &old, path).status, 200, "{path}");
        // RFC 9112 §3.2.2: the host of the target counts.
        let foreign = format!("GET http://evil.example{{}} HTTP/1.1\r\nhost: {own}\r\n\r\n");
        assert_eq!(ask_in(&server, &foreign, path).status, 403, "{path}");
        let whole = format!("GET http://{own}{{}} HTTP/1.1\r\nhost: {own}\r\n\r\n");
        assert_eq!(ask_in(&server, &whole, path).status, 200, "{path}");
    }
}

#[test]
fn beyond_this_machine_it_is_shown_only_if_it_is_public() {
    let site = Site::new();
    site.write("file", b"text");

    let shut = Server::start_at(&site, "0.0.0.0:0", &[]);
    for path in ["/-/pool", "/metrics"] {
        assert_eq!(shut.get(path).status, 404, "{path}");
        assert_eq!(
            ask_as(&shut, &format!("127.0.0.1:{}", shut.address.port()), path).status,
            404,
            "{path}"
        );
    }
    // There the root is what it is without a page: the directory.
    assert!(shut.get("/").text().contains("<a href=\"file\">file</a>"));
    let said = site.log();
    assert!(said.contains("/metrics") && said.contains("--public"), "{said:?}");

    let public = Server::start_at(&site, "0.0.0.0:0", &["--public"]);
    for path in PATHS {
        assert_eq!(ask_as(&public, "files.example", path).status, 200, "{path}");
    }
    assert_eq!(site.log(), "");
}

#[test]
fn what_is_public_is_said_before_it_is() {
    let help = String::from_utf8(run(&["--help"]).stdout).expect("text");
    assert!(
        help.contains("--public")
            && help.contains("/feed")
            && help.contains("what all clients send and fetch"),
        "{help}"
    );
}

#[test]
fn prometheus_reads_the_pool_and_the_requests() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start(&site);
    let mut client = server.connect();
    for (path, status) in [("/file", 200), ("/file", 200), ("/none", 404)] {
        assert_eq!(client.ask("GET", path, &[]).status, status);
    }
    assert_eq!(client.ask("GET", "/file", &["range: bytes=9-"]).status, 416);
    server.assert_comes_to_rest();
    let reply = server.get("/metrics");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = reply.text();
    assert_eq!(value(text, "leasehold_budget_bytes{pool=\"serve\"}"), 16 << 20);
    assert!(
        value(text, "leasehold_leased_bytes{pool=\"serve\"}") <= 2 * (18 << 10),
        "only for connections"
    );
    assert!(value(text, "serve_connections_awake") >= 1, "the one that asks");
    assert!(value(text, "serve_connections_open") >= 2);
    assert!(value(text, "serve_connections_accepted_total") >= 3);
    assert!(
        value(text, "leasehold_class_taken_blocks_total{pool=\"serve\",block_len=\"1024\"}") > 0
    );
    assert!(value(text, "serve_requests_total{status=\"2xx\"}") >= 2);
    assert_eq!(value(text, "serve_requests_total{status=\"4xx\"}"), 2);
    assert_eq!(value(text, "serve_requests_total{status=\"5xx\"}"), 0);
    for line in [
        "serve_sockets_open 0",
        "# TYPE leasehold_leased_bytes gauge",
        "# TYPE serve_requests_total counter",
        "# TYPE serve_connections_parked gauge",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(!text.contains("/file"), "no request is a label");
}

#[test]
fn an_exhausted_pool_is_seen_to_be_exhausted() {
    let site = Site::new();
    site.write_sparse("long", 32 << 20);
    let server = Server::start_with(&site, &["--budget", "1MiB"]);
    let asleep: Vec<_> = (0..40)
        .map(|_| {
            let mut client = server.connect();
            client.send("GET", "/long", &[]);
            client
        })
        .collect();
    let held = server.settled_leased();
    assert!(server.get("/long").status == 503, "there is memory left");
    let began = Instant::now();
    let text = server.get("/metrics");
    assert!(value(text.text(), "leasehold_leased_bytes{pool=\"serve\"}") >= held);
    assert!(value(text.text(), "leasehold_refusals_total{pool=\"serve\"}") > 0);
    assert!(value(text.text(), "serve_requests_total{status=\"5xx\"}") > 0);
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.figure("leased"), held);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(asleep);
    server.assert_comes_to_rest();
}
