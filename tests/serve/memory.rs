//! The pool's figures, and what happens when it is exhausted.

use std::time::{Duration, Instant};

use crate::{client::Client, server::Server, site::Site};

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
    for name in ["budget", "mapped", "leased", "cached", "peak", "waiting", "refused"] {
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
fn a_client_that_gets_no_memory_is_told_so() {
    let site = Site::new();
    site.write_sparse("long", LONG);
    site.write("short", b"text");
    let server = Server::start_with(&site, &["--budget", "1MiB"]);
    // These do not read. What they have asked for flows until the kernel's buffers are full; then they have a block each.
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
    assert!(rss < 17 << 20, "{rss} bytes of memory");
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
