//! Ten bytes that are kept of each message of a mebibyte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use crate::attack::{
    KIB, MIB,
    assault::{Assault, amount},
    frames,
    neighbour::NEED,
    peer::Peer,
    shelf::{Keep, SLICE_LEN},
    site::{Site, WAIT_MAX, until},
    sockets,
    wire::{BINARY, frame, ws_frame},
};

/// Of a connection's account: a message, and what is kept of others.
const LIMIT: usize = 3 * MIB;

const PEERS: usize = 4;

/// More than an account has room for if each keeps a block of 64 KiB.
const MESSAGES: usize = 100;

#[test]
fn slices_of_large_frames_pin_little_if_they_are_compacted() {
    let (site, count) = frames::keeping(LIMIT, Keep::CompactedSlices);
    compacted("frames, 10-byte slices compacted", site, &count, &frame(&vec![7; MIB]));
}

#[test]
fn slices_of_large_messages_pin_little_if_they_are_compacted() {
    let (site, count) = sockets::keeping(LIMIT, Keep::CompactedSlices);
    compacted(
        "websockets, 10-byte slices compacted",
        site,
        &count,
        &ws_frame(BINARY, &vec![7; MIB]),
    );
}

#[test]
fn slices_of_large_frames_that_are_not_compacted_stop_at_the_limit_of_their_account() {
    let (site, count) = frames::keeping(LIMIT, Keep::Slices);
    left_as_they_are("frames, 10-byte slices as they are", site, &count, &frame(&vec![7; MIB]));
}

#[test]
fn slices_of_large_messages_that_are_not_compacted_stop_at_the_limit_of_their_account() {
    let (site, count) = sockets::keeping(LIMIT, Keep::Slices);
    left_as_they_are(
        "websockets, 10-byte slices as they are",
        site,
        &count,
        &ws_frame(BINARY, &vec![7; MIB]),
    );
}

fn compacted(name: &'static str, site: Site, count: &Arc<AtomicUsize>, message: &[u8]) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    for _ in 0..MESSAGES {
        peers.iter_mut().for_each(|peer| peer.send(message));
    }
    until("all are kept", || count.load(SeqCst) == PEERS * MESSAGES);
    let leased = assault.site().all.leased();
    assert!(leased <= PEERS * MESSAGES * KIB + NEED, "{leased} bytes are leased");
    drop(peers);
    assault.end(PEERS * LIMIT + NEED, figures(leased, PEERS * MESSAGES));
}

fn left_as_they_are(name: &'static str, site: Site, count: &Arc<AtomicUsize>, message: &[u8]) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let since = Instant::now();
    let mut leased = 0;
    until("they wait for memory in vain, and are cut", || {
        peers.retain_mut(|peer| peer.flood(message).is_ok());
        leased = leased.max(assault.site().all.leased());
        peers.is_empty()
    });
    assert!(since.elapsed() >= WAIT_MAX, "they wait for it");
    let kept = count.load(SeqCst);
    assert!(kept > PEERS && kept < PEERS * MESSAGES, "{kept}");
    let figures = format!(
        "{}, until they were cut after {:.1} s",
        figures(leased, kept),
        since.elapsed().as_secs_f32()
    );
    assault.end(PEERS * LIMIT + NEED, figures);
}

fn figures(leased: usize, kept: usize) -> String {
    format!(
        "{PEERS} peers, slices of {kept} messages kept, {} leased, {} per byte held",
        amount(leased),
        leased / kept / SLICE_LEN
    )
}
