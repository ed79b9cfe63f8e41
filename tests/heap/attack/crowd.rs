//! 10,000 connections that are opened and held: by peers that say nothing, and by such that were
//! answered once.
//!
//! They are held by another process, which has descriptors of its own.

use std::{
    io::{BufRead, BufReader, Read, stdin},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::attack::{
    KIB,
    assault::Assault,
    frames,
    heap::files,
    http::{self, Deadlines},
    neighbour::NEED,
    peer::Peer,
    site::{BUDGET, Site, until},
    sockets::{self, config},
    wire::{BINARY, GET, frame, ws_frame},
};

const PEERS: usize = 10_000;

/// Where the server is, and what it is asked, for the process of the peers.
const ADDRESS: &str = "LEASEHOLD_ATTACKED";
const PROTOCOL: &str = "LEASEHOLD_PROTOCOL";

/// How a request and the end of its answer look.
fn question(protocol: &str) -> (Vec<u8>, &'static [u8]) {
    match protocol {
        "http" => (GET.to_vec(), b"\r\n\r\nhello"),
        "frames" => (frame(b"hello"), b"hello"),
        _ => (ws_frame(BINARY, b"hello"), b"hello"),
    }
}

#[test]
fn ten_thousand_http_connections_hold_no_block() {
    let site = http::site(Deadlines::default());
    // They are answered at once, as far as there is room.
    run("http", site, 800, BUDGET / 2 + NEED);
}

#[test]
fn ten_thousand_connections_of_frames_hold_no_block() {
    run(
        "frames",
        frames::site(1 << 20, &Default::default(), frames::echo_patiently),
        2 * KIB,
        NEED,
    );
}

#[test]
fn ten_thousand_websockets_hold_no_block() {
    run("websockets", sockets::echoing(1 << 20, config()), 2 * KIB, NEED);
}

/// With so much heap for a connection, its task, its account and its place in the runtime included.
fn run(protocol: &str, site: Site, heap_max: usize, leased_max: usize) {
    let assault = Assault::begin(format!("{protocol}, held"), site);
    let mut peers = start(assault.site().address, protocol);
    let mut said = BufReader::new(peers.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.ends_with(HELD) {
        line.clear();
        assert!(said.read_line(&mut line).expect("text") > 0, "the peers have all they need");
    }
    until("all are open", || assault.site().open() > PEERS);
    let opened = assault.elapsed();
    sleep(Duration::from_millis(500));
    let heap = assault.heap() / PEERS;
    assert!(heap <= heap_max, "{heap} bytes of heap each");
    until("nothing is leased, between two calls of the neighbour", || {
        assault.site().pool.leased() == 0
    });
    let vanished = Instant::now();
    drop(peers.stdin.take());
    assert!(peers.wait().expect("a process").success());
    until("they are gone", || assault.site().open() <= 2);
    let figures = format!(
        "{PEERS} peers within {:.1} s, {heap} B heap each, 0 B leased, gone within {:.1} s",
        opened.as_secs_f32(),
        vanished.elapsed().as_secs_f32()
    );
    assault.end(leased_max, figures);
}

fn start(address: SocketAddr, protocol: &str) -> Child {
    Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", "attack::crowd::hold", "--ignored", "--nocapture"])
        .env(ADDRESS, address.to_string())
        .env(PROTOCOL, protocol)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test starts")
}

const HELD: &str = "all are held\n";

#[test]
#[ignore = "it is the other process of those above"]
fn hold() {
    files::allow(PEERS as u64 + 100);
    let address = std::env::var(ADDRESS).expect("where the server is").parse().expect("an address");
    let (ask, end) = question(&std::env::var(PROTOCOL).expect("what it speaks"));
    let mut peers = Vec::with_capacity(PEERS);
    while peers.len() < PEERS {
        let mut pair = Peer::crowd(address, 2);
        pair[0].send(&ask);
        peers.append(&mut pair);
    }
    for peer in peers.iter_mut().step_by(2) {
        peer.hear(end);
    }
    print!("{HELD}");
    // Until the test has seen enough.
    assert_eq!(stdin().read(&mut [0]).expect("a pipe"), 0);
    peers.into_iter().for_each(Peer::vanish);
}
