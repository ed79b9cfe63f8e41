//! Slowloris: heads of requests that never end.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::attack::{
    KIB,
    assault::Assault,
    http::{Deadlines, site},
    peer::Peer,
    wire::GET,
};

const PEERS: usize = 500;
const DEADLINES: Deadlines =
    Deadlines { head: Duration::from_millis(1500), stall: Duration::from_secs(60) };

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nUser-Agent: ";

/// Each sends a byte so often.
const PAUSE: Duration = Duration::from_millis(20);

/// Deadlines are kept up to half a second late, and the last peer is heard of in its turn.
const LATE_MAX: Duration = Duration::from_millis(1500);

#[test]
fn heads_that_drip_are_cut_at_their_deadline() {
    let assault = Assault::begin("slowloris heads", site(DEADLINES));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    for peer in &mut peers[PEERS / 2..] {
        peer.send(GET);
        peer.hear(b"hello");
    }
    let begun = Instant::now();
    let (mut cuts, mut heap, mut bytes) = (Vec::new(), 0, 0);
    let mut drip = HEAD.iter().chain(std::iter::repeat(&b'x'));
    while !peers.is_empty() {
        assert!(begun.elapsed() < DEADLINES.head + LATE_MAX, "{} are not cut", peers.len());
        let byte = drip.next().expect("without end");
        peers.retain_mut(|peer| {
            let goes_on = peer.pour(&[*byte]).is_ok() && !peer.is_cut();
            if !goes_on {
                cuts.push(begun.elapsed());
            }
            goes_on
        });
        bytes += 1;
        if peers.len() == PEERS {
            heap = heap.max(assault.heap() / PEERS);
        }
        sleep(PAUSE);
    }
    let (first, last) = (cuts[0], cuts[PEERS - 1]);
    assert!(first >= DEADLINES.head, "one was cut after {first:?}");
    assert!(heap < 2 * KIB, "{heap} bytes of heap each");
    // What is leased is the neighbour's: its body, and 18 KiB for what hyper holds of it; and the
    // latter for one peer after the other.
    let figures = format!(
        "{PEERS} peers, {heap} B heap each, {bytes} bytes sent by each, all cut {:.1} to {:.1} s after their first",
        first.as_secs_f32(),
        last.as_secs_f32()
    );
    assault.end(64 * KIB, figures);
}
