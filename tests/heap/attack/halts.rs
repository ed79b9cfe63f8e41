//! Uploads that stop halfway.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use leasehold::ws::KeepAlive;

use crate::attack::{
    KIB,
    assault::{Assault, amount},
    frames::{self, FRAME_TIMEOUT},
    http::{self, AWAKE, BODY_MAX, Deadlines},
    neighbour::NEED,
    peer::Peer,
    site::Site,
    sockets::{self, config},
    wire::{BINARY, post, ws_header},
};

const PEERS: usize = 20;
const LEN: usize = 128 * KIB;

/// Deadlines are kept up to half a second late, and the last peer is heard of in its turn.
const LATE_MAX: Duration = Duration::from_millis(1500);

/// Sends `head` and a half of what it announces; who does no more is cut after `deadline`.
fn run(name: &str, site: Site, head: &[u8], deadline: Duration, each: usize) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    peers.iter_mut().for_each(|peer| peer.send(&[head, &[7; LEN / 2]].concat()));
    let since = Instant::now();
    sleep(deadline / 2);
    let (leased, heap) = (assault.site().all.leased() / PEERS, assault.heap() / PEERS);
    assert!(leased >= LEN / 2, "it is held: {leased}");
    for peer in &mut peers {
        assert!(!peer.is_cut());
    }
    for peer in &mut peers {
        peer.heard_to_the_end();
    }
    let took = since.elapsed();
    assert!(
        took >= deadline - Duration::from_millis(200) && took <= deadline + LATE_MAX,
        "cut after {took:?}"
    );
    let figures = format!(
        "{PEERS} peers, {} held of each, {} leased and {} heap each, all cut after {:.1} s",
        amount(LEN / 2),
        amount(leased),
        amount(heap),
        took.as_secs_f32()
    );
    // They are still there, and yet nothing is held.
    assault.end(PEERS * each + NEED, figures);
}

#[test]
fn http_uploads_that_stop_are_cut() {
    let site = http::site(Deadlines { stall: Duration::from_secs(1), ..Deadlines::default() });
    let head = post("/echo", &format!("Content-Length: {LEN}"));
    // What is expected is leased before it comes, as much again.
    const { assert!(LEN < BODY_MAX) };
    run("http, uploads that stop", site, &head, Duration::from_secs(1), AWAKE + LEN);
}

#[test]
fn websocket_messages_that_stop_are_cut() {
    let (interval, timeout) = (Duration::from_millis(500), Duration::from_millis(500));
    let site = sockets::echoing(512 * KIB, config().keep_alive(&KeepAlive::new(interval, timeout)));
    let head = ws_header(BINARY, LEN as u64);
    run("websockets, messages that stop", site, &head, interval + timeout, LEN + 64 * KIB);
}

#[test]
fn frames_that_stop_are_cut() {
    let site = frames::echoing(512 * KIB);
    run("frames that stop", site, &(LEN as u32).to_be_bytes(), FRAME_TIMEOUT, LEN + 64 * KIB);
}
