//! The pool's figures, and what happens when it is exhausted.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::serve::{client::Client, server::Server, site::Site};

/// More than the kernel buffers for one connection.
const LONG: u64 = 32 << 20;

fn begin(server: &Server) -> Client {
    let mut client = server.connect();
    client.send("GET", "/long", &[]);
    client
}

#[test]
fn the_figures_are_json() {
    let site = Site::new();
    site.write_random("file", 1 << 20);
    let server = Server::start_with(&site, &["--budget", "4MiB"]);
    server.get("/file");
    server.assert_comes_to_rest();
    let figures = server.figures();
    let memory = [
        "budget", "limit", "mapped", "metadata", "leased", "reserved", "cached", "peak", "trimmed",
    ];
    for name in memory.into_iter().chain([
        "waiting",
        "waiting_for_pool",
        "waits",
        "refused",
        "cache_flushes",
        "sockets",
    ]) {
        assert!(figures[name].is_u64(), "{name} is in {figures:#}");
    }
    assert_eq!(figures["budget"], 4 << 20);
    assert!(figures["peak"].as_u64() >= Some(64 << 10));
    let classes = figures["classes"].as_array().expect("a list");
    assert_eq!(classes.len(), 6);
    for name in ["block_len", "leased", "cached", "free"] {
        assert!(classes.iter().all(|class| class[name].is_u64()), "{name} is in {figures:#}");
    }
}

#[test]
fn the_figures_name_who_has_the_memory() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    let server = Server::start(&site);
    let client = begin(&server);
    let mut hostile = server.connect();
    site.write_sparse("h\u{f6}stile\u{202e}", LONG);
    hostile.send("GET", "/h\u{f6}stile\u{202e}?query", &[]);
    assert!(server.settled_leased() > 0);
    let figures = server.figures();
    let accounts = figures["accounts"].as_array().expect("a list");
    assert!(!accounts.is_empty() && accounts.len() <= 8, "{figures:#}");
    for name in ["leased", "limit", "peak"] {
        assert!(
            accounts.iter().all(|account| account[name].as_u64() > Some(0)),
            "{name} is in {figures:#}"
        );
    }
    for name in ["clients", "transfers", "/long", "/h\u{f6}stile\\u{202e}"] {
        assert!(accounts.iter().any(|account| account["name"] == name), "{name} is in {figures:#}");
    }
    drop((client, hostile));
    server.assert_comes_to_rest();
}

#[test]
fn the_figures_count_connections() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    site.write("short", b"text");
    let server = Server::start(&site);
    let busy = begin(&server);
    let mut idle: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.ask("GET", "/short", &[]).text(), "text");
    }
    // One more asks for the figures, and is awake while it does; those before it may not have been
    // seen to end.
    let deadline = Instant::now() + Duration::from_secs(10);
    let counted = |figures: &Value| {
        ["open", "awake", "parked"].map(|name| figures["connections"][name].as_u64())
    };
    while counted(&server.figures()) != [Some(5), Some(2), Some(3)] {
        assert!(Instant::now() < deadline, "{:#}", server.figures());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(server.figures()["connections"]["accepted"].as_u64() > Some(5));
    drop((busy, idle));
    server.assert_comes_to_rest();
}

#[test]
fn a_client_that_gets_no_memory_is_told_so() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    site.write("short", b"text");
    let server = Server::start_with(&site, &["--budget", "1MiB"]);
    // These do not read. What they have asked for flows until the kernel's buffers are full; then
    // they have a block each.
    let asleep: Vec<_> = (0..24).map(|_| begin(&server)).collect();
    let deadline = Instant::now() + Duration::from_secs(15);
    let refused = loop {
        let reply = server.get("/short");
        if reply.status != 200 {
            break reply;
        }
        assert!(Instant::now() < deadline, "there is always memory: {:#}", server.figures());
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(server.get("/?files").status, 503);
    // What needs no memory is answered as ever.
    for page in ["/", "/-/pool"] {
        assert_eq!(server.get(page).status, 200, "{page}");
    }
    assert_eq!(server.connect().ask("POST", "/short", &["content-length: 0"]).status, 405);
    assert!(server.figure("refused") > 0);
    drop(asleep);
    server.assert_comes_to_rest();
    assert_eq!(server.get("/short").text(), "text");
}

#[test]
fn clients_that_are_refused_memory_have_none_on_the_heap_either() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    let server = Server::start_with(&site, &["--budget", "1MiB"]);
    // At 64 KiB for each, the heap would hold 19 MiB.
    let _asleep: Vec<_> = (0..300).map(|_| begin(&server)).collect();
    let held = server.settled_leased();
    assert!((512 << 10..=640 << 10).contains(&held), "{held} bytes are leased");
    let rss = server.peak_rss();
    // Two thirds of it is the program's code.
    assert!(rss < 20 << 20, "{rss} bytes of memory");
}

#[test]
#[ignore = "waits for the stall limit, 20 s"]
fn a_client_that_stops_reading_for_long_is_dropped() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    let server = Server::start(&site);
    let mut asleep = begin(&server);
    std::thread::sleep(Duration::from_secs(15));
    assert!(server.figure("leased") > 0);
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(server.figure("leased"), 0);
    assert!((asleep.read_to_end() as u64) < LONG);
}
