//! Lengths that are announced, of 4 GiB and more, of which nothing comes.

use std::time::{Duration, Instant};

use leasehold::{codec::LengthDelimitedCodec, ws::Config};

use crate::attack::{
    KIB,
    assault::Assault,
    frames,
    http::{self, AWAKE, Deadlines},
    neighbour::NEED,
    peer::Peer,
    site::Site,
    sockets::{self, config},
    wire::{BINARY, close_code, post, ws_header},
};

const PEERS: usize = 100;

const GIB_4: u64 = 1 << 32;
const LARGEST: u64 = 1 << 63;

/// A refusal needs no deadline.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What is read into, at the least.
const SMALL_BLOCK: usize = 4 * KIB;

/// How an announcement is met.
enum Met<'a> {
    /// With the end of the connection, and before it what is as expected.
    Refused(&'a dyn Fn(&[u8]) -> bool),
    /// The rest is waited for.
    Awaited,
}

/// Sends `announcement` by many, and a byte on top where it is awaited; for each no more than
/// `each` may be leased.
fn announce(name: &str, site: Site, announcement: &[u8], met: &Met<'_>, each: usize) {
    let assault = Assault::begin(name, site);
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let since = Instant::now();
    peers.iter_mut().for_each(|peer| peer.send(announcement));
    let figures = match met {
        Met::Refused(is_expected) => {
            for peer in &mut peers {
                let heard = peer.heard_to_the_end();
                assert!(is_expected(&heard), "{:?}", String::from_utf8_lossy(&heard));
            }
            assert!(since.elapsed() < AT_ONCE);
            format!("{PEERS} peers, all refused within {} ms", since.elapsed().as_millis())
        }
        Met::Awaited => {
            std::thread::sleep(Duration::from_millis(300));
            peers.iter_mut().for_each(|peer| peer.send(b"x"));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!peers.iter().any(Peer::is_cut));
            let leased = assault.site().all.leased() / PEERS;
            format!(
                "{PEERS} peers, {leased} B leased and {} B heap each, for the byte that came",
                assault.heap() / PEERS
            )
        }
    };
    drop(peers);
    assault.end(PEERS * each + NEED, figures);
}

#[test]
fn a_frame_of_4_gib_is_refused_at_once() {
    let site = frames::echoing(64 * KIB);
    announce(
        "frame of 4 GiB announced",
        site,
        &[0xff; 4],
        &Met::Refused(&|heard: &[u8]| heard.is_empty()),
        SMALL_BLOCK,
    );
}

#[test]
fn a_frame_of_any_length_leases_nothing_until_it_comes() {
    for len in [GIB_4 / 2, GIB_4, LARGEST, u64::MAX] {
        let mut codec = LengthDelimitedCodec::builder();
        let site = frames::site(
            64 * KIB,
            codec.length_field_length(8).max_frame_length(usize::MAX),
            frames::echo_patiently,
        );
        let can_be = usize::try_from(len).is_ok();
        let met =
            if can_be { Met::Awaited } else { Met::Refused(&|heard: &[u8]| heard.is_empty()) };
        announce(
            &format!("frame of {len} announced, no limit"),
            site,
            &len.to_be_bytes(),
            &met,
            SMALL_BLOCK,
        );
    }
}

#[test]
fn a_websocket_frame_of_4_gib_is_refused_at_once() {
    let told = |code| move |heard: &[u8]| close_code(heard) == Some(code);
    for (len, code) in [(GIB_4, 1009), (LARGEST - 1, 1009), (LARGEST, 1002)] {
        let site = sockets::echoing(64 * KIB, config());
        let name = format!("websocket frame of {len} announced");
        announce(&name, site, &ws_header(BINARY, len), &Met::Refused(&told(code)), SMALL_BLOCK);
    }
}

#[test]
fn a_websocket_frame_of_any_length_leases_nothing_until_it_comes() {
    let config = Config::new().max_frame_size(usize::MAX).max_message_size(usize::MAX);
    let site = sockets::echoing(64 * KIB, config);
    announce(
        "websocket frame of 2^63 - 1 announced, no limit",
        site,
        &ws_header(BINARY, LARGEST - 1),
        &Met::Awaited,
        SMALL_BLOCK,
    );
}

#[test]
fn an_upload_of_4_gib_is_refused_at_once() {
    let answer = |status: &'static str| {
        move |heard: &[u8]| heard.starts_with(format!("HTTP/1.1 {status} ").as_bytes())
    };
    // The last two are hyper's to refuse.
    let lengths = [
        (GIB_4.into(), "413"),
        (LARGEST.into(), "413"),
        (u64::MAX.into(), "431"),
        (1_u128 << 64, "400"),
    ];
    // By a limit; and by what the account may have at all, where there is none.
    for path in ["/echo", "/unlimited"] {
        for (len, status) in lengths {
            let site = http::site(Deadlines::default());
            let name = format!("http, {len} bytes announced to {path}");
            announce(
                &name,
                site,
                &post(path, &format!("Content-Length: {len}")),
                &Met::Refused(&answer(status)),
                AWAKE,
            );
        }
    }
}
