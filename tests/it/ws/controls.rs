//! Pings and pongs: answered in order, between the fragments of a message too, and of a flood only
//! the last.

use leasehold::{
    Chain,
    ws::{Message, Role, WebSocket},
};

use crate::ws::{
    ROLES,
    frame::{Frame, PONG, TEXT, wire},
    peer::duplex,
    pool, socket,
    transport::{Faulty, once, pattern},
};

/// As many pongs wait at most.
const PONGS: usize = 16;

fn chain(bytes: impl Into<Vec<u8>>) -> Chain {
    bytes::Bytes::from(bytes.into()).into()
}

fn plain(sent: &[u8]) -> Vec<Frame> {
    Frame::parse_all(sent).into_iter().map(|frame| Frame { mask: None, ..frame }).collect()
}

#[tokio::test]
async fn ten_pings_at_once_are_answered_in_order() {
    let pool = pool();
    for role in ROLES {
        for cut in [1, 50, usize::MAX] {
            let payloads = || (0..10).map(|index| pattern([0, 1, 124, 125][index % 4]));
            let pings = wire(payloads().map(|payload| Frame::ping(payload).to(role)));
            let mut socket = socket(role, Faulty::new(pings).cut(cut).staying_open(), &pool);
            for payload in payloads() {
                assert_eq!(socket.recv().await.unwrap().unwrap(), Message::Ping(chain(payload)));
            }
            assert!(once(socket.recv()).await.is_pending());
            assert_eq!(
                plain(socket.get_ref().sent()),
                payloads().map(Frame::pong).collect::<Vec<_>>()
            );
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_before_it_is_seen() {
    let pool = pool();
    let mut socket = socket(
        Role::Server,
        Faulty::new(Frame::ping("now").masked().to_bytes()).staying_open(),
        &pool,
    );
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::Ping(chain("now")));
    assert_eq!(plain(socket.get_ref().sent()), [Frame::pong("now")]);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn controls_between_fragments_come_first_and_the_message_stays_whole() {
    let pool = pool();
    for role in ROLES {
        for (opcode, payload) in [(TEXT, "\u{20ac}".repeat(40).into_bytes())] {
            // Cut within a character, and within a small block.
            let frames = Frame::fragments(opcode, payload.chunks(7), role).flat_map(|frame| {
                [frame, Frame::ping("\u{ff}").to(role), Frame::pong([0xff]).to(role)]
            });
            let mut socket = socket(role, Faulty::new(wire(frames)).cut(3).staying_open(), &pool);
            let mut received = Vec::new();
            for _ in 0..2 * payload.len().div_ceil(7) + 1 {
                received.push(socket.recv().await.unwrap().unwrap());
            }
            let data = received.iter().position(Message::is_data).unwrap();
            assert_eq!(
                data,
                2 * (payload.len().div_ceil(7) - 1),
                "after the controls that came before its last frame"
            );
            assert!(received.swap_remove(data).into_data().unwrap() == payload[..]);
            assert!(
                received
                    .iter()
                    .all(|message| matches!(message, Message::Ping(_) | Message::Pong(_)))
            );
            assert!(
                plain(socket.get_ref().sent()).iter().all(|frame| *frame == Frame::pong("\u{ff}"))
            );
            drop(received);
            assert!(once(socket.recv()).await.is_pending());
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn of_a_flood_of_pings_the_last_ones_are_answered() {
    const PINGS: usize = 200;
    let pool = pool();
    for role in ROLES {
        // The pipe holds a few pongs; the peer does not look at them.
        let (near, mut peer) = duplex(role, 64);
        let mut socket = WebSocket::new(near, role, &pool);
        let name = |index: usize| format!("{index:03}");
        let receiving = async {
            for index in 0..PINGS {
                assert_eq!(
                    socket.recv().await.unwrap().unwrap(),
                    Message::Ping(chain(name(index)))
                );
            }
            socket
        };
        let ((), mut socket) = tokio::join!(
            peer.send_all((0..PINGS).map(|index| Frame::ping(name(index)))),
            receiving
        );
        // What each pong shares with the ping it answers, or a client's copy of it.
        assert!(pool.leased() <= (PONGS + 1) * 1024, "{}", pool.leased());
        let reading = async {
            let mut pongs = Vec::new();
            while let Some(frame) = peer.recv().await
                && frame.opcode() == PONG
            {
                pongs.push(String::from_utf8(frame.payload).unwrap());
            }
            pongs
        };
        let (pongs, sent) = tokio::join!(reading, socket.send("end"));
        sent.unwrap();
        let last: Vec<_> = (PINGS - PONGS..PINGS).map(name).collect();
        assert!(pongs.ends_with(&last), "{pongs:?}");
        let written = &pongs[..pongs.len() - PONGS];
        assert!(
            written.len() <= 64 / 5 + 1,
            "those that were begun before the pipe was full: {written:?}"
        );
        assert!(
            written.iter().enumerate().all(|(index, pong)| *pong == name(index)),
            "{written:?}"
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_pong_that_nobody_asked_for_is_received_and_not_answered() {
    let pool = pool();
    for role in ROLES {
        let pong = Frame::pong("unasked").to(role).to_bytes();
        let mut socket = socket(role, Faulty::new(pong).staying_open(), &pool);
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::Pong(chain("unasked")));
        assert!(once(socket.recv()).await.is_pending());
        assert_eq!(socket.get_ref().sent(), []);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn pings_and_pongs_are_sent_up_to_125_bytes() {
    let pool = pool();
    for role in ROLES {
        let mut socket = socket(role, Faulty::new([]).staying_open(), &pool);
        socket.send(Message::Ping(chain(pattern(125)))).await.unwrap();
        socket.send(Message::Pong(Chain::new())).await.unwrap();
        for message in [Message::Ping(chain(pattern(126))), Message::Pong(chain(pattern(126)))] {
            let error = socket.send(message).await.unwrap_err();
            assert!(error.is_over_limit(), "{error}");
        }
        assert!(socket.is_open());
        assert_eq!(plain(socket.get_ref().sent()), [Frame::ping(pattern(125)), Frame::pong([])]);
        assert_eq!(pool.leased(), 0);
    }
}
