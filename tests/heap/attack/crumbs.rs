//! Bytes that come one by one, each in a piece of its own, and are kept: how much memory a byte
//! pins.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::sleep,
    time::Duration,
};

use crate::attack::{
    KIB,
    assault::{Assault, amount},
    frames,
    http::{self, ACCOUNT_MAX, AWAKE, Deadlines},
    neighbour::NEED,
    peer::Peer,
    shelf::Keep,
    site::{Site, until},
    sockets::{self, config},
    wire::{BINARY, BINARY_BEGUN, CONTINUATION, frame, post, ws_frame},
};

/// The accounts of those who keep what they are sent.
const LIMIT: usize = 256 * KIB;

/// Bytes that a peer sends, each in a piece of its own.
#[derive(Clone, Copy, Debug)]
struct Crumbs {
    /// So many one at a time: nobody knows when the next one comes.
    alone: usize,
    /// And then so many at once.
    at_once: usize,
}

const CRUMBS: Crumbs = Crumbs { alone: 40, at_once: 4_000 };

const PAUSE: Duration = Duration::from_millis(5);

impl Crumbs {
    fn count(self) -> usize {
        self.alone + self.at_once
    }

    /// Sends `piece` again and again.
    fn send(self, peers: &mut [Peer], piece: &[u8]) {
        for _ in 0..self.alone {
            peers.iter_mut().for_each(|peer| peer.send(piece));
            sleep(PAUSE);
        }
        let pieces = piece.repeat(self.at_once);
        peers.iter_mut().for_each(|peer| peer.send(&pieces));
    }

    /// With so many leased bytes for each peer.
    fn figures(self, peers: usize, leased: usize, heap: usize) -> String {
        let count = self.count();
        format!(
            "{peers} peers, {count} bytes held of each, {:.1} leased bytes and {:.1} B heap per byte held",
            leased as f64 / count as f64,
            heap as f64 / count as f64
        )
    }
}

#[test]
fn chunks_of_a_byte_are_collected_in_small_blocks() {
    const PEERS: usize = 10;
    let assault = Assault::begin("http, 1-byte chunks collected", http::site(Deadlines::default()));
    let mut peers = uploading(&assault, PEERS, "/echo");
    sleep(Duration::from_millis(200));
    let leased = (assault.site().all.leased() / PEERS).saturating_sub(AWAKE);
    let heap = assault.heap() / PEERS;
    peers.iter_mut().for_each(|peer| peer.send(b"0\r\n\r\n"));
    for peer in &mut peers {
        while !peer.heard(1).ends_with(b"x") {} // of the echo: there is none in the head
        assert!(peer.heard(CRUMBS.count() - 1).iter().all(|byte| *byte == b'x'));
    }
    drop(peers);
    assault.end(PEERS * (AWAKE + 8 * KIB) + NEED, CRUMBS.figures(PEERS, leased, heap));
}

/// A service that links what comes, as it comes, has a block for each byte, up to the limit of its
/// account.
#[test]
fn chunks_of_a_byte_that_are_linked_stop_at_the_limit_of_their_account() {
    const PEERS: usize = 10;
    let assault = Assault::begin("http, 1-byte chunks linked", http::site(Deadlines::default()));
    let mut peers = uploading(&assault, PEERS, "/linked");
    let mut leased = 0;
    until("their accounts are full", || {
        leased = assault.site().all.leased();
        leased >= PEERS * ACCOUNT_MAX
    });
    for peer in &mut peers {
        assert!(
            peer.heard_to_the_end().starts_with(b"HTTP/1.1 400 "),
            "it waits for memory in vain"
        );
    }
    drop(peers);
    let figures = format!(
        "{PEERS} peers, {} leased each and a KiB per byte held, refused {:.1} s later",
        amount(leased / PEERS),
        assault.elapsed().as_secs_f32()
    );
    assault.end(PEERS * (AWAKE + ACCOUNT_MAX) + NEED, figures);
}

/// Peers that have uploaded all but the end.
fn uploading(assault: &Assault, count: usize, path: &str) -> Vec<Peer> {
    let mut peers = Peer::crowd(assault.site().address, count);
    peers.iter_mut().for_each(|peer| peer.send(&post(path, "Transfer-Encoding: chunked")));
    CRUMBS.send(&mut peers, b"1\r\nx\r\n");
    peers
}

#[test]
fn frames_of_a_byte_that_are_kept_pin_what_their_account_may() {
    for kept in &KEPT {
        let (site, count) = frames::keeping(LIMIT, kept.keep);
        messages("frames of 1 byte", kept, site, &count, &frame(b"x"));
    }
}

#[test]
fn messages_of_a_byte_that_are_kept_pin_what_their_account_may() {
    for kept in &KEPT {
        let (site, count) = sockets::keeping(LIMIT, kept.keep);
        messages("websocket messages of 1 byte", kept, site, &count, &ws_frame(BINARY, b"x"));
    }
}

struct Kept {
    keep: Keep,
    crumbs: Crumbs,
    /// What is leased for them.
    leased_max: usize,
}

const KEPT: [Kept; 3] = [
    // A small block for each that came alone, and a few for all that came at once.
    Kept { keep: Keep::Whole, crumbs: CRUMBS, leased_max: CRUMBS.alone * 4 * KIB + 48 * KIB },
    // Messages that came at once share blocks: compacted one by one, each would have its own.
    Kept {
        keep: Keep::Compacted,
        crumbs: Crumbs { alone: 200, at_once: 0 },
        leased_max: 208 * KIB,
    },
    Kept { keep: Keep::Together, crumbs: CRUMBS, leased_max: 48 * KIB },
];

fn messages(name: &str, kept: &Kept, site: Site, count: &Arc<AtomicUsize>, message: &[u8]) {
    const PEERS: usize = 20;
    let assault = Assault::begin(format!("{name}, kept {:?}", kept.keep), site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    kept.crumbs.send(&mut peers, message);
    until("all are kept", || count.load(SeqCst) == PEERS * kept.crumbs.count());
    let (leased, heap) = (assault.site().all.leased() / PEERS, assault.heap() / PEERS);
    drop(peers);
    assault.end(PEERS * kept.leased_max + NEED, kept.crumbs.figures(PEERS, leased, heap));
}

#[test]
fn fragments_of_a_byte_are_copied_together() {
    const PEERS: usize = 20;
    let assault =
        Assault::begin("websocket fragments of 1 byte", sockets::echoing(LIMIT, config()));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    peers.iter_mut().for_each(|peer| peer.send(&ws_frame(BINARY_BEGUN, b"")));
    CRUMBS.send(&mut peers, &ws_frame(CONTINUATION, b"x"));
    sleep(Duration::from_millis(200));
    let (leased, heap) = (assault.site().all.leased() / PEERS, assault.heap() / PEERS);
    for peer in &mut peers {
        peer.send(&ws_frame(0x80, b"x"));
        assert!(peer.heard(4 + CRUMBS.count() + 1)[4..].iter().all(|byte| *byte == b'x'));
    }
    drop(peers);
    // What is being read has blocks, too.
    assault.end(PEERS * 48 * KIB + NEED, CRUMBS.figures(PEERS, leased, heap));
}

/// How often a byte that is kept comes between bytes that are not.
const BETWEEN: usize = 100;
const DROPPED_LEN: usize = 100_000;

#[test]
fn frames_of_a_byte_that_are_kept_let_go_of_large_blocks() {
    let (site, count) = frames::keeping(8 * LIMIT, Keep::Short);
    between(
        "frames of 1 byte, kept of many between",
        site,
        &count,
        &frame(b"x"),
        &frame(&[7; DROPPED_LEN]),
    );
}

#[test]
fn messages_of_a_byte_that_are_kept_let_go_of_large_blocks() {
    let (site, count) = sockets::keeping(8 * LIMIT, Keep::Short);
    let dropped = ws_frame(BINARY, &[7; DROPPED_LEN]);
    between(
        "websocket messages of 1 byte, kept of many between",
        site,
        &count,
        &ws_frame(BINARY, b"x"),
        &dropped,
    );
}

/// NO-PIN: a frame pins 4 KiB, and not the block of 64 KiB that it was read into.
fn between(name: &str, site: Site, count: &Arc<AtomicUsize>, kept: &[u8], dropped: &[u8]) {
    const PEERS: usize = 4;
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    for _ in 0..BETWEEN {
        peers.iter_mut().for_each(|peer| peer.send(&[dropped, kept, dropped].concat()));
    }
    until("all are kept", || count.load(SeqCst) >= PEERS * BETWEEN);
    let leased = assault.site().all.leased() / PEERS;
    assert!(leased <= BETWEEN * 4 * KIB + LIMIT, "{leased} bytes are leased for each peer");
    drop(peers);
    let figures = format!(
        "{PEERS} peers, {BETWEEN} bytes held of each, {} leased bytes per byte held",
        leased / BETWEEN
    );
    assault.end(PEERS * (BETWEEN * 4 * KIB + 2 * LIMIT) + NEED, figures);
}
