//! Frames that cost their sender nothing, as fast as they go.

use std::time::Duration;

use futures_util::StreamExt;
use leasehold::{
    Account,
    codec::LengthDelimitedCodec,
    ws::{Error, WebSocket},
};
use tokio::net::TcpStream;

use crate::attack::{
    KIB,
    assault::{Assault, amount},
    frames,
    neighbour::NEED,
    peer::{Peer, flood_until_cut, flood_until_stuck, flood_until_told},
    site::{Site, until},
    sockets::{self, config},
    wire::{BINARY, PING, PONG, frame, ws_frame},
};

const PEERS: usize = 5;
/// Of each account, and so of what is read at once: no more frames are dealt with in one go.
const LIMIT: usize = 128 * KIB;

/// More than is read at once.
const LARGE_LIMIT: usize = 1024 * KIB;

/// Longer than a control frame, of which a server may keep some.
const HEAP_MAX: usize = 16 * KIB;

#[test]
fn pings_whose_pongs_are_not_read_are_refused() {
    let assault =
        Assault::begin("websocket pings, pongs not read", sockets::echoing(LIMIT, config()));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let ping = ws_frame(PING, &[7; 125]);
    let mut heap = 0;
    let taken =
        flood_until_cut(&mut peers, &ping.repeat(100), || heap = heap.max(assault.heap() / PEERS));
    assert!(heap < HEAP_MAX, "{heap} bytes of heap each");
    let figures = format!(
        "{PEERS} peers, {heap} B heap each, all cut within {:.1} s, after {} pings each",
        assault.elapsed().as_secs_f32(),
        taken / ping.len() / PEERS
    );
    assault.end(PEERS * 64 * KIB + NEED, figures);
}

#[test]
fn pings_without_limit_whose_pongs_are_not_read_are_answered_by_the_last() {
    let config = config().max_controls(u32::MAX);
    let assault = Assault::begin(
        "websocket pings without limit, pongs not read",
        sockets::echoing(LIMIT, config),
    );
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let ping = ws_frame(PING, &[7; 125]);
    let pings = ping.repeat(100);
    let (mut heap, mut leased, mut taken) = (0, 0, 0);
    until("it goes on for a while", || {
        taken +=
            peers.iter_mut().map(|peer| peer.flood(&pings).expect("it is not cut")).sum::<usize>();
        heap = heap.max(assault.heap() / PEERS);
        leased = leased.max(assault.site().all.leased() / PEERS);
        assault.elapsed() > Duration::from_secs(1)
    });
    assert!(heap < HEAP_MAX, "{heap} bytes of heap each");
    let figures = format!(
        "{PEERS} peers, {} pings each in a second, {} leased and {heap} B heap each",
        taken / ping.len() / PEERS,
        amount(leased)
    );
    peers.into_iter().for_each(Peer::vanish);
    assault.end(PEERS * LIMIT + NEED, figures);
}

#[test]
fn pongs_that_nobody_asked_for_are_refused() {
    let assault =
        Assault::begin("websocket pongs that nobody asked for", sockets::echoing(LIMIT, config()));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let pong = ws_frame(PONG, &[7; 125]);
    let mut heap = 0;
    let (taken, codes) =
        flood_until_told(&mut peers, &pong.repeat(100), || heap = heap.max(assault.heap() / PEERS));
    assert_eq!(codes, [1008; PEERS]);
    let figures = format!(
        "{PEERS} peers, {heap} B heap each, told 1008 after {} pongs each",
        taken / pong.len() / PEERS
    );
    drop(peers);
    assault.end(PEERS * 64 * KIB + NEED, figures);
}

#[test]
fn empty_frames_whose_echoes_are_not_read_hold_little() {
    stall("frames of 0 bytes, echoes not read", frames::echoing(LIMIT), &frame(b""), HEAP_MAX);
}

#[test]
fn empty_messages_whose_echoes_are_not_read_hold_little() {
    stall(
        "websocket messages of 0 bytes, echoes not read",
        sockets::echoing(LIMIT, config()),
        &ws_frame(BINARY, b""),
        HEAP_MAX,
    );
}

/// 64 KiB are the mark of a socket, and a frame counts 64 bytes; 8 KiB the boundary of a codec,
/// whose heads count 4: the heap of one or two thousand frames.
const QUEUE_MAX: usize = 192 * KIB;

/// A server that queues answers for as long as there is something to answer.
#[test]
fn empty_messages_whose_echoes_are_queued_hold_little() {
    async fn forward(socket: WebSocket<TcpStream>, _account: Account) {
        let (sink, stream) = socket.split();
        let data = stream.filter(|received| {
            std::future::ready(!matches!(received, Ok(message) if !message.is_data()))
        });
        let _: Result<(), Error> = data.forward(sink).await;
    }
    let site = sockets::site(LIMIT, config(), forward);
    stall(
        "websocket messages of 0 bytes, echoes queued and not read",
        site,
        &ws_frame(BINARY, b""),
        QUEUE_MAX,
    );
}

#[test]
fn empty_frames_whose_echoes_are_queued_hold_little() {
    let site = frames::site(LIMIT, &LengthDelimitedCodec::builder(), async |framed, _account| {
        let (sink, stream) = framed.split();
        drop(stream.forward(sink).await);
    });
    stall("frames of 0 bytes, echoes queued and not read", site, &frame(b""), QUEUE_MAX);
}

/// Sends empty ones until no more are taken.
fn stall(name: &str, site: Site, empty: &[u8], heap_max: usize) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let taken = flood_until_stuck(&mut peers, &empty.repeat(1_000));
    let (leased, heap) = (assault.site().all.leased() / PEERS, assault.heap() / PEERS);
    let figures = format!(
        "{PEERS} peers, {} taken of each, {} leased and {heap} B heap each",
        taken / empty.len() / PEERS,
        amount(leased)
    );
    assert!(heap < heap_max, "{heap} bytes of heap each");
    peers.into_iter().for_each(Peer::vanish);
    assault.end(PEERS * LIMIT + NEED, figures);
}

/// A peer that sends faster than it is read: who reads it always finds more.
#[test]
fn empty_frames_that_are_dropped_starve_nobody() {
    const LONG: Duration = Duration::from_secs(1);
    let site = frames::site(LARGE_LIMIT, &LengthDelimitedCodec::builder(), frames::drop_most);
    let assault = Assault::begin("frames of 0 bytes, dropped", site);
    let (mut peer, empty) = (Peer::connect(assault.site().address), frame(b"").repeat(10_000));
    let mut taken = 0;
    while assault.elapsed() < LONG {
        taken += peer.flood(&empty).expect("it is not cut");
    }
    drop(peer);
    assault
        .end(LARGE_LIMIT + NEED, format!("1 peer, {} frames in {} s", taken / 4, LONG.as_secs()));
}
