//! Text is UTF-8: wherever it is cut it is judged as by std, and refused with the first byte that
//! cannot be part of it.

use std::str::from_utf8;

use leasehold::ws::{Message, Role};

use crate::ws::{
    ROLES,
    frame::{Frame, TEXT, wire},
    pool, socket,
    transport::{Faulty, once},
};

/// Right and wrong ones.
const TEXTS: [&[u8]; 16] = [
    b"plain",
    "\u{e4}\u{20ac}\u{10348}\u{10ffff}".as_bytes(),
    b"\x80",
    b"\xff",
    b"ab\xc0\xaf",
    b"\xc3(",
    b"\xe2\x82",
    b"\xe2\x28\xa1",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\xf0\x82\x82\xac",
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xfe\xff",
    b"\xef\xbf\xbf",
    b"\xe2\x82\xac\xe2",
];

/// How many bytes of it can be part of a text.
fn valid_len(text: &[u8]) -> usize {
    (0..=text.len())
        .rev()
        .find(|&len| from_utf8(&text[..len]).map_or_else(|e| e.error_len().is_none(), |_| true))
        .unwrap()
}

#[tokio::test]
async fn text_is_refused_with_the_first_wrong_byte_before_its_frame_ends() {
    let pool = pool();
    for role in ROLES {
        for text in TEXTS {
            for before in [0, 1, 125, 5_000] {
                // Of a frame that is far from whole.
                let payload = [&vec![b'x'; before], text, &vec![b'x'; 100_000]].concat();
                let frame = Frame::text(payload).to(role).to_bytes();
                let head = frame.len() - 100_000 - text.len() - before;
                let mut socket =
                    socket(role, Faulty::new(&frame[..head + before]).staying_open(), &pool);
                assert!(once(socket.recv()).await.is_pending());
                for index in 0..text.len() {
                    socket.get_mut().feed(&frame[head + before + index..][..1]);
                    let polled = once(socket.recv()).await;
                    if index < valid_len(text) {
                        assert!(polled.is_pending(), "{} at {index}", text.escape_ascii());
                        continue;
                    }
                    let std::task::Poll::Ready(Some(Err(error))) = polled else {
                        panic!("{} at {index}", text.escape_ascii())
                    };
                    assert!(error.is_protocol(), "{error}");
                    assert_eq!(
                        Frame::parse_all(socket.get_ref().sent())[0].close_code(),
                        Some(1007)
                    );
                    assert_eq!(pool.leased(), 0);
                    break;
                }
                drop(socket);
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn texts_are_judged_as_by_std_however_they_are_cut_into_fragments() {
    let pool = pool();
    for text in TEXTS {
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let frames = Frame::fragments(TEXT, pieces.into_iter(), Role::Server)
                    .flat_map(|frame| [frame, Frame::ping([0xff]).masked()]);
                let mut socket =
                    socket(Role::Server, Faulty::new(wire(frames)).cut(2).staying_open(), &pool);
                let end = loop {
                    match socket.recv().await.unwrap() {
                        Ok(Message::Ping(_)) => {}
                        Ok(message) => break Some(message.into_data().unwrap().to_vec()),
                        Err(error) => {
                            assert!(error.is_protocol(), "{error}");
                            assert_eq!(error.close_code().unwrap().get(), 1007);
                            break None;
                        }
                    }
                };
                assert_eq!(
                    end.as_deref(),
                    from_utf8(text).ok().map(str::as_bytes),
                    "{}",
                    text.escape_ascii()
                );
                drop(socket);
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn bytes_need_not_be_text() {
    let pool = pool();
    for text in TEXTS {
        let frames = Frame::fragments(2, text.chunks(1), Role::Client);
        let mut socket = socket(Role::Client, Faulty::new(wire(frames)), &pool);
        assert_eq!(socket.recv().await.unwrap().unwrap().into_data().unwrap(), *text);
        assert_eq!(pool.leased(), 0);
    }
}
