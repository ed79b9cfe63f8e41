//! Messages of all lengths, whole or in fragments, wherever the bytes are cut.

use leasehold::{
    Chain, Pool,
    ws::{Message, Role, WebSocket},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::ws::{
    ROLES,
    frame::{BINARY, Frame, TEXT, wire},
    peer::{Peer, duplex},
    pool, socket,
    transport::{Faulty, once, pattern, sockets::tcp_pair},
};

const LENS: [usize; 9] = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 1 << 20];

/// Characters of one to four bytes: an even number of bytes may still end within one.
fn text(len: usize) -> String {
    let mut text: String = "a\u{e4}\u{20ac}\u{10348}"
        .chars()
        .cycle()
        .scan(0, |sum, char| {
            *sum += char.len_utf8();
            (*sum <= len).then_some(char)
        })
        .collect();
    text.extend(std::iter::repeat_n('.', len - text.len()));
    text
}

fn data(message: Option<Result<Message, leasehold::ws::Error>>) -> Vec<u8> {
    message.expect("a message").unwrap().into_data().expect("data").to_vec()
}

#[tokio::test]
async fn messages_of_all_lengths_are_received_by_reads_of_any_length() {
    let pool = pool();
    for role in ROLES {
        for len in LENS {
            let (binary, text) = (pattern(len), text(len));
            let frames =
                || [Frame::binary(&*binary), Frame::text(&*text)].map(|frame| frame.to(role));
            let cuts = [1, 2, 3, 5, 100, 1_000, 65_537, usize::MAX];
            for cut in cuts.into_iter().filter(|cut| len / cut < 2_000) {
                let io = || Faulty::new(wire(frames())).cut(cut).pending();
                for io in [io(), io().vectored()] {
                    let mut socket = socket(role, io, &pool);
                    let (first, second) = (
                        socket.recv().await.unwrap().unwrap(),
                        socket.recv().await.unwrap().unwrap(),
                    );
                    assert!(
                        matches!(&first, Message::Binary(chain) if *chain == binary[..]),
                        "{len} cut at {cut}"
                    );
                    assert!(
                        matches!(&second, Message::Text(chain) if *chain == *text),
                        "{len} cut at {cut}"
                    );
                    drop((first, second));
                    assert_eq!(pool.leased(), 0);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_is_cut_at_any_byte_comes_with_its_last_byte() {
    let pool = pool();
    for role in ROLES {
        for len in [0, 1, 125, 126, 300, 65_535, 65_536] {
            let bytes = Frame::text(text(len)).to(role).to_bytes();
            let ends = |at: &usize| {
                *at < 20 || *at + 20 > bytes.len() || bytes.len() < 1000 || at.is_multiple_of(4_099)
            };
            for at in (0..bytes.len()).filter(ends) {
                let mut socket = socket(role, Faulty::new(&bytes[..at]).staying_open(), &pool);
                assert!(once(socket.recv()).await.is_pending(), "{len} cut at {at}");
                socket.get_mut().feed(&bytes[at..]);
                assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from(text(len)));
                assert!(once(socket.recv()).await.is_pending());
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn many_frames_in_one_read_are_as_many_messages() {
    let pool = pool();
    for role in ROLES {
        let lens = || (0..400).map(|index| index * 7 % 200);
        let mut socket = socket(
            role,
            Faulty::new(wire(lens().map(|len| Frame::binary(pattern(len)).to(role)))),
            &pool,
        );
        for len in lens() {
            assert!(data(socket.recv().await) == pattern(len));
        }
        assert!(socket.get_ref().offered().len() < 10);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn fragments_are_one_message() {
    let pool = pool();
    for role in ROLES {
        for (count, len) in
            [(1, 70_000), (2, 1), (2, 300), (2, 70_000), (1000, 1), (1000, 100), (1000, 900)]
        {
            let text = text(count * len);
            for (opcode, payload) in
                [(BINARY, pattern(count * len)), (TEXT, text.clone().into_bytes())]
            {
                let frames = || Frame::fragments(opcode, payload.chunks(len), role);
                for cut in [7, 1000, usize::MAX] {
                    let mut socket =
                        socket(role, Faulty::new(wire(frames())).cut(cut).staying_open(), &pool);
                    let message = socket.recv().await.unwrap().unwrap();
                    assert_eq!(matches!(message, Message::Text(_)), opcode == TEXT);
                    assert!(message.into_data().unwrap() == payload[..], "{count} of {len} bytes");
                    assert!(once(socket.recv()).await.is_pending());
                    assert_eq!(pool.leased(), 0);
                }
            }
        }
    }
}

#[tokio::test]
async fn fragments_without_bytes_are_nothing_but_count() {
    let pool = pool();
    let pieces: [&[u8]; 5] = [b"", b"ab", b"", b"c", b""];
    let frames = wire(Frame::fragments(TEXT, pieces.into_iter(), Role::Server));
    let empty = wire(Frame::fragments(BINARY, [&b""[..], b""].into_iter(), Role::Server));
    let mut socket =
        socket(Role::Server, Faulty::new([frames, empty].concat()).staying_open(), &pool);
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from("abc"));
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::Binary(Chain::new()));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_is_sent_lies_on_the_wire_as_the_rfc_says() {
    let pool = pool();
    for role in ROLES {
        for len in LENS {
            let io = || Faulty::new([]).staying_open();
            for io in [
                io(),
                io().vectored(),
                io().cut(1001).pending(),
                io().cut(1001).pending().vectored(),
            ] {
                let mut socket = socket(role, io, &pool);
                socket.send(Message::binary(bytes::Bytes::from(pattern(len)))).await.unwrap();
                socket.send(text(len)).await.unwrap();
                assert_eq!(pool.leased(), 0);
                let expected = [Frame::binary(pattern(len)), Frame::text(text(len))];
                let sent = Frame::parse_all(socket.get_ref().sent());
                assert!(sent.iter().all(|frame| frame.mask.is_some() == (role == Role::Client)));
                let plain: Vec<_> =
                    sent.into_iter().map(|frame| Frame { mask: None, ..frame }).collect();
                assert_eq!(plain, expected);
                if role == Role::Server {
                    assert!(socket.get_ref().sent() == wire(expected), "the shortest form");
                }
            }
        }
    }
}

/// Echoes everything, until the end.
async fn echo<T: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<T>) {
    while let Some(message) = socket.recv().await.transpose().unwrap() {
        if message.is_data() {
            socket.send(message).await.unwrap();
        }
    }
}

async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    near: T,
    far: T,
    role: Role,
    lens: &[usize],
    pool: &Pool,
) {
    let (socket, mut peer) = (WebSocket::new(near, role, pool), Peer::new(far, role));
    let asking = async {
        for &len in lens {
            for frame in [Frame::binary(pattern(len)), Frame::text(text(len))] {
                peer.send(frame.clone()).await;
                assert_eq!(peer.recv().await, Some(frame));
            }
            let pieces = pattern(len);
            peer.send_all(
                Frame::fragments(BINARY, pieces.chunks(1 + len / 3), role)
                    .chain([Frame::ping("?")]),
            )
            .await;
            if len > 0 {
                assert_eq!(peer.recv().await, Some(Frame::binary(pieces)));
            }
            assert_eq!(peer.recv().await, Some(Frame::pong("?")));
        }
        peer.send(Frame::close(1000, "")).await;
        peer.assert_closed(1000).await;
    };
    tokio::join!(echo(socket), asking);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn messages_of_all_lengths_go_there_and_back_over_duplex_and_tcp() {
    let pool = pool();
    for role in ROLES {
        for (len, lens) in [(64, &LENS[..6]), (3_000, &LENS[..8]), (4 << 20, &LENS)] {
            let (near, far) = duplex(role, len);
            converse(near, far.io, role, lens, &pool).await;
        }
        let (near, far) = tcp_pair().await;
        converse(near, far, role, &LENS, &pool).await;
    }
}

#[tokio::test]
async fn server_and_client_understand_each_other() {
    let pool = pool();
    let (near, far) = tcp_pair().await;
    let (server, mut client) =
        (WebSocket::new(near, Role::Server, &pool), WebSocket::new(far, Role::Client, &pool));
    let asking = async {
        for len in LENS {
            client.send(text(len)).await.unwrap();
            assert_eq!(client.recv().await.unwrap().unwrap(), Message::from(text(len)));
        }
        client.close(None).await.unwrap();
    };
    tokio::join!(echo(server), asking);
    assert_eq!(pool.leased(), 0);
}
