//! Peers that ask for much, and read nothing or next to nothing.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread::sleep,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes};
use futures_util::StreamExt;
use leasehold::{
    Account, Chain,
    codec::LengthDelimitedCodec,
    io::{Outbox, Policy},
};
use tokio::net::TcpStream;

use crate::attack::{
    KIB, MIB,
    assault::{Assault, amount},
    frames::{self, is_to_be_echoed},
    http::{self, AWAKE, DOWNLOADS_MAX, Deadlines},
    neighbour::{Exchange, NEED},
    peer::{Peer, flood_until_stuck},
    site::{Site, until},
    sockets::{self, config},
    wire::{BINARY, frame, get, ws_frame},
};

#[test]
fn downloads_that_are_not_read_are_cut() {
    const PEERS: usize = 100;
    let assault = Assault::begin("http, 1 MiB not read", http::site(Deadlines::default()));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    peers.iter_mut().for_each(|peer| peer.send(&get("/download")));
    let (mut heap, mut leased) = (0, 0);
    until("they are cut", || {
        // Every second one reads a little.
        peers.iter_mut().step_by(2).for_each(|peer| {
            peer.sip(&mut [0; 16]);
        });
        heap = heap.max(assault.heap() / PEERS);
        leased = leased.max(assault.site().all.leased());
        sleep(Duration::from_millis(20));
        assault.site().open() <= 2
    });
    let took = assault.elapsed();
    assert!(leased > DOWNLOADS_MAX / 2, "it is an attack: {leased}");
    assert!(heap < 64 * KIB, "{heap} bytes of heap each");
    let figures = format!(
        "{PEERS} peers, {} heap each, all cut within {:.1} s",
        amount(heap),
        took.as_secs_f32()
    );
    assault.end(DOWNLOADS_MAX + (PEERS + 2) * AWAKE + NEED, figures);
}

#[test]
fn echoes_of_frames_that_are_not_read_hold_what_their_account_may() {
    const PEERS: usize = 50;
    const LIMIT: usize = 256 << 10;
    let assault = Assault::begin("frames, echoes not read", frames::echoing(LIMIT));
    stall(assault, PEERS, LIMIT, &frame(&[7; 8 << 10]));
}

#[test]
fn echoes_of_messages_that_are_not_read_hold_what_their_account_may() {
    const PEERS: usize = 50;
    const LIMIT: usize = 256 << 10;
    let assault = Assault::begin("websockets, echoes not read", sockets::echoing(LIMIT, config()));
    stall(assault, PEERS, LIMIT, &ws_frame(BINARY, &[7; 8 << 10]));
}

/// Sends until nothing more is taken, and goes away.
fn stall(assault: Assault, count: usize, limit: usize, message: &[u8]) {
    let mut peers = Peer::crowd(assault.site().address, count);
    let taken = flood_until_stuck(&mut peers, message);
    let (heap, leased) = (assault.heap() / count, assault.site().all.leased());
    assert!(heap < 8 * KIB, "{heap} bytes of heap each");
    let vanished = Instant::now();
    peers.into_iter().for_each(Peer::vanish);
    until("those who vanished are noticed", || assault.site().open() <= 2);
    let figures = format!(
        "{count} peers, {} taken of each, {} leased and {heap} B heap each, home {} ms after they vanished",
        amount(taken / count),
        amount(leased / count),
        vanished.elapsed().as_millis()
    );
    assault.end(count * limit + NEED, figures);
}

const HIGH_MARK: usize = 64 << 10;
const MESSAGE_LEN: usize = 4 << 10;
const MESSAGES: usize = 500;

/// Feeds that have sent all.
static FED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_feed_that_is_not_read_holds_what_its_outbox_may() {
    const PEERS: usize = 50;
    // The account is no help: it is the outbox that bounds.
    let assault =
        Assault::begin("outboxes, feeds not read", Site::of(Exchange::echo(frame), 8 * MIB, feed));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    peers.iter_mut().for_each(|peer| peer.send(&frame(b"feed me")));
    until("all is sent", || FED.load(SeqCst) == PEERS);
    let leased = assault.site().all.leased();
    drop(peers);
    let figures = format!(
        "{PEERS} peers, {MESSAGES} messages of 4 KiB to each, {} leased each",
        amount(leased / PEERS)
    );
    // What is queued, and one message that is being made.
    assault.end(PEERS * (HIGH_MARK + MESSAGE_LEN) + NEED, figures);
}

/// Echoes, or sends many messages, of which old ones give way to new ones.
async fn feed(stream: TcpStream, account: Account) {
    let (read, mut write) = stream.into_split();
    let mut asked = LengthDelimitedCodec::builder().new_read(read, &account);
    let (outbox, mut writer) =
        Outbox::builder().max_queued(HIGH_MARK).policy(Policy::DropOldest).channel();
    tokio::spawn(async move { writer.run(&mut write).await });
    while let Some(Ok(mut message)) = asked.next().await {
        if is_to_be_echoed(&message) {
            message.push_front(Bytes::copy_from_slice(&(message.len() as u32).to_be_bytes()));
            if outbox.send(message).await.is_err() {
                return;
            }
            continue;
        }
        for _ in 0..MESSAGES {
            let sent = match made(&account) {
                Some(message) => outbox.try_send(message).is_ok(),
                None => false,
            };
            assert!(sent, "an outbox that drops the oldest takes all");
            tokio::task::yield_now().await;
        }
        FED.fetch_add(1, SeqCst);
    }
}

fn made(account: &Account) -> Option<Chain> {
    let mut message = account.try_chain(MESSAGE_LEN).ok()?;
    message.put_u32(MESSAGE_LEN as u32 - 4);
    message.put_bytes(7, MESSAGE_LEN - 4);
    Some(message.freeze())
}
