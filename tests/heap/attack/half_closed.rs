//! Peers that end one side of their connection, or both, at the wrong time.

use crate::attack::{
    KIB, MIB,
    assault::Assault,
    frames,
    http::{self, AWAKE, DOWNLOADS_MAX, Deadlines},
    neighbour::NEED,
    peer::Peer,
    site::Site,
    sockets::{self, config},
    wire::{BINARY, GET, frame, get, post, ws_frame, ws_header},
};

const PEERS: usize = 50;
const LIMIT: usize = 256 * KIB;

/// What each of the peers hears to its end, after it has sent `bytes` and then that nothing more
/// comes.
fn finish(
    name: &str,
    site: Site,
    bytes: &[u8],
    leased_max: usize,
    is_expected: impl Fn(&[u8]) -> bool,
) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    for peer in &mut peers {
        peer.send(bytes);
        peer.finish();
    }
    let mut heard_len = 0;
    for peer in &mut peers {
        let heard = peer.heard_to_the_end();
        assert!(is_expected(&heard), "{name}: {} bytes", heard.len());
        heard_len += heard.len();
    }
    drop(peers);
    let figures = format!(
        "{PEERS} peers, {} bytes sent and {} heard by each, all ended within {:.1} s",
        bytes.len(),
        heard_len / PEERS,
        assault.elapsed().as_secs_f32()
    );
    assault.end(leased_max, figures);
}

/// hyper gives a client up that it sees to be finished before its answer is ready.
#[test]
fn an_http_client_that_is_finished_and_reads_on_has_a_short_answer_or_none() {
    let leased_max = (PEERS + 2) * AWAKE + NEED;
    finish(
        "http, finished behind a short request",
        http::site(Deadlines::default()),
        GET,
        leased_max,
        |heard| heard.ends_with(b"hello") || heard.is_empty(),
    );
}

/// The same while the answer is sent; what was leased for it is home then.
#[test]
fn an_http_client_that_is_finished_and_reads_on_has_a_part_of_a_long_answer() {
    let leased_max = DOWNLOADS_MAX + (PEERS + 2) * AWAKE + NEED;
    let (site, ask) = (http::site(Deadlines::default()), get("/download"));
    finish("http, finished behind a request of 1 MiB", site, &ask, leased_max, |heard| {
        heard.len() <= MIB + KIB
    });
}

#[test]
fn an_http_client_that_is_finished_within_its_upload_is_cut() {
    let upload = [post("/echo", "Content-Length: 100000"), vec![7; 50_000]].concat();
    let leased_max = PEERS * (AWAKE + 128 * KIB) + NEED;
    finish(
        "http, finished within an upload",
        http::site(Deadlines::default()),
        &upload,
        leased_max,
        |heard| heard.is_empty() || heard.starts_with(b"HTTP/1.1 400 "),
    );
}

#[test]
fn a_peer_that_is_finished_and_reads_on_has_its_frames() {
    let frames = frame(&[7; 10_000]).repeat(5);
    finish(
        "frames, finished behind some",
        frames::echoing(LIMIT),
        &frames,
        PEERS * LIMIT + NEED,
        |heard| heard == frames,
    );
}

#[test]
fn a_peer_that_is_finished_within_a_frame_is_cut() {
    let begun = [&50_000_u32.to_be_bytes(), &[7; 20_000][..]].concat();
    let leased_max = PEERS * 64 * KIB + NEED;
    finish(
        "frames, finished within one",
        frames::echoing(LIMIT),
        &begun,
        leased_max,
        <[u8]>::is_empty,
    );
}

#[test]
fn a_peer_that_is_finished_and_reads_on_has_its_messages() {
    let messages = ws_frame(BINARY, &[7; 10_000]).repeat(5);
    finish(
        "websockets, finished behind some messages",
        sockets::echoing(LIMIT, config()),
        &messages,
        PEERS * LIMIT + NEED,
        |heard| heard.len() == 5 * (4 + 10_000),
    );
}

#[test]
fn a_peer_that_is_finished_within_a_message_is_cut() {
    let begun = [ws_header(BINARY, 50_000), vec![7; 20_000]].concat();
    let leased_max = PEERS * 64 * KIB + NEED;
    finish(
        "websockets, finished within a message",
        sockets::echoing(LIMIT, config()),
        &begun,
        leased_max,
        <[u8]>::is_empty,
    );
}

/// Again and again, peers send something and go: every second one with a reset.
fn go(name: &str, site: Site, bytes: &[u8], leased_max: usize) {
    const ROUNDS: usize = 10;
    let assault = Assault::begin(name, site);
    for _ in 0..ROUNDS {
        let mut peers = Peer::crowd(assault.site().address, PEERS);
        peers.iter_mut().for_each(|peer| peer.send(bytes));
        for (index, peer) in peers.into_iter().enumerate() {
            if index % 2 == 0 {
                peer.vanish();
            }
        }
    }
    let figures =
        format!("{} peers within {:.1} s", ROUNDS * PEERS, assault.elapsed().as_secs_f32());
    assault.end(leased_max, figures);
}

#[test]
fn http_clients_that_do_not_wait_for_their_answer_leave_nothing() {
    let leased_max = DOWNLOADS_MAX + 10 * PEERS * AWAKE + NEED;
    go(
        "http, gone without reading",
        http::site(Deadlines::default()),
        &get("/download"),
        leased_max,
    );
}

#[test]
fn peers_that_do_not_wait_for_their_frames_leave_nothing() {
    let frames = frame(&[7; 10_000]).repeat(5);
    go("frames, gone without reading", frames::echoing(64 * KIB), &frames, 10 * PEERS * 64 * KIB);
}

#[test]
fn peers_that_do_not_wait_for_their_messages_leave_nothing() {
    let messages = ws_frame(BINARY, &[7; 10_000]).repeat(5);
    go(
        "websockets, gone without reading",
        sockets::echoing(64 * KIB, config()),
        &messages,
        10 * PEERS * 64 * KIB,
    );
}
