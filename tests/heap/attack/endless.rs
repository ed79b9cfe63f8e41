//! Messages of WebSockets that never end.

use leasehold::ws::Config;

use crate::attack::{
    KIB,
    assault::{Assault, amount},
    neighbour::NEED,
    peer::{Peer, flood_until_told},
    sockets::{self, config},
    wire::{BINARY_BEGUN, CONTINUATION, ws_frame},
};

const PEERS: usize = 20;
const MESSAGE_MAX: usize = 64 * KIB;
const LIMIT: usize = 256 * KIB;

/// Neither closes a connection too early, nor waits for the end of a message.
fn run(name: &str, config: Config, fragment: &[u8], code: u16, leased_max: usize) {
    let assault = Assault::begin(name, sockets::echoing(LIMIT, config));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    peers.iter_mut().for_each(|peer| peer.send(&ws_frame(BINARY_BEGUN, b"")));
    let (mut leased, mut heap) = (0, 0);
    let (taken, codes) = flood_until_told(&mut peers, &fragment.repeat(100), || {
        leased = leased.max(assault.site().all.leased() / PEERS);
        heap = heap.max(assault.heap() / PEERS);
    });
    assert_eq!(codes, [code; PEERS]);
    // A fragment of 1 KiB is linked, and has a handle in the chain.
    assert!(heap < 48 * KIB, "{heap} bytes of heap each");
    let figures = format!(
        "{PEERS} peers, {} leased and {heap} B heap each, told {code} after {}",
        amount(leased),
        amount(taken / PEERS)
    );
    drop(peers);
    assault.end(PEERS * leased_max + NEED, figures);
}

#[test]
fn fragments_without_end_are_refused_at_the_limit_of_a_message() {
    let config = config().max_message_size(MESSAGE_MAX);
    let fragment = ws_frame(CONTINUATION, &[7; KIB]);
    // What is read at once may be more than a message.
    run("websocket fragments of 1 KiB without end", config, &fragment, 1009, LIMIT);
}

#[test]
fn fragments_without_end_are_refused_at_the_limit_of_their_account() {
    let config = config().max_message_size(usize::MAX);
    let fragment = ws_frame(CONTINUATION, &[7; KIB]);
    run("websocket fragments of 1 KiB without end or limit", config, &fragment, 1013, LIMIT);
}

#[test]
fn empty_fragments_without_end_are_refused_after_so_many() {
    let config = config().max_fragments(20_000);
    run(
        "websocket fragments of 0 bytes without end",
        config,
        &ws_frame(CONTINUATION, b""),
        1008,
        128 * KIB,
    );
}
