//! Peers that are gone without a word, in every phase.

use std::time::Duration;

use futures_util::SinkExt;
use leasehold::{
    Pool,
    ws::{Error, Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::ws::{
    ROLES,
    frame::{BINARY, CONTINUATION, Frame, TEXT, wire},
    pool, socket,
    transport::{Faulty, sockets},
};

/// What a peer has sent when it vanishes.
fn beginnings(role: Role) -> Vec<Vec<u8>> {
    let large = Frame::new(BINARY, vec![7; 100_000]).to(role).to_bytes();
    let fragments = [
        Frame::new(TEXT, vec![b'x'; 3_000]).begun(),
        Frame::new(CONTINUATION, vec![b'x'; 70_000]).begun(),
    ];
    let fragments = wire(fragments.map(|frame| frame.to(role)));
    vec![
        vec![],
        large[..1].to_vec(),
        large[..9].to_vec(),
        large[..15].to_vec(),
        large[..50_000].to_vec(),
        large[..large.len() - 1].to_vec(),
        fragments.clone(),
        [fragments, large].concat(),
        Frame::close(1000, "").to(role).to_bytes()[..3].to_vec(),
    ]
}

/// The last thing that a socket says, when nothing but errors come.
async fn last<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<T>) -> Option<Error> {
    let end = timeout(Duration::from_secs(5), socket.recv())
        .await
        .expect("it does not wait for who is gone");
    let error = end.map(|message| message.expect_err("nothing was whole"));
    assert!(socket.recv().await.is_none(), "one error, and the end");
    assert!(!socket.is_open());
    error
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_an_error_of_the_transport() {
    let pool = pool();
    for role in ROLES {
        // Two fragments and a new message are a violation, which is seen first.
        for (index, beginning) in
            beginnings(role).into_iter().enumerate().filter(|(index, _)| *index != 7)
        {
            for cut in [1_000, usize::MAX] {
                let mut socket = socket(role, Faulty::new(&*beginning).cut(cut), &pool);
                let error = last(&mut socket).await.expect("an error");
                assert!(error.is_io() && error.close_code().is_none(), "{index}: {error}");
                assert_eq!(error.to_string(), "the peer is gone without a close frame");
                assert_eq!(socket.get_ref().sent(), []);
                assert!(socket.send("hello?").await.unwrap_err().is_closed());
                assert_eq!(pool.leased(), 0, "{index}");
            }
        }
    }
}

#[tokio::test]
async fn a_reset_is_an_error_of_the_transport_in_every_phase() {
    let pool = pool();
    for role in ROLES {
        for (index, beginning) in
            beginnings(role).into_iter().enumerate().filter(|(index, _)| *index != 7)
        {
            let (near, mut far) = sockets::tcp_pair().await;
            let mut socket = WebSocket::new(near, role, &pool);
            far.write_all(&beginning).await.unwrap();
            assert!(
                timeout(Duration::from_millis(5), socket.recv()).await.is_err(),
                "{index}: nothing is whole"
            );
            sockets::reset(far);
            let error = last(&mut socket).await.expect("an error");
            assert!(
                error.is_io() && std::error::Error::source(&error).is_some(),
                "{index}: {error}"
            );
            assert_eq!(pool.leased(), 0, "{index}");
        }
    }
}

#[tokio::test]
async fn after_our_close_frame_the_end_of_the_connection_is_answer_enough() {
    let pool = pool();
    for role in ROLES {
        for (index, beginning) in
            beginnings(role).into_iter().enumerate().filter(|(index, _)| *index != 7)
        {
            let mut socket = socket(role, Faulty::new(beginning).cut(1_000), &pool);
            socket.send(Message::Close(None)).await.unwrap();
            assert!(last(&mut socket).await.is_none());
            assert_eq!(pool.leased(), 0, "{index}");
        }
    }
}

async fn queue<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<T>, pool: &Pool) {
    // More than the system takes, so that some of it stays here.
    for _ in 0..3 {
        let mut chain = pool.chain(4 << 20).await.unwrap();
        bytes::BufMut::put_bytes(&mut chain, b'x', 4 << 20);
        let fed =
            timeout(Duration::from_millis(20), socket.feed(Message::binary(chain.freeze()))).await;
        if fed.is_err() {
            break;
        }
    }
    assert!(pool.leased() > 0);
}

#[tokio::test]
async fn what_is_queued_goes_home_when_the_peer_is_reset() {
    // A quarter of a pool is the most that can be leased at once.
    let pool = Pool::new(64 << 20).unwrap();
    for role in ROLES {
        for is_closing in [false, true] {
            let (near, far) = sockets::tcp_pair().await;
            let mut socket: WebSocket<TcpStream> = WebSocket::new(near, role, &pool);
            queue(&mut socket, &pool).await;
            if is_closing {
                assert!(timeout(Duration::from_millis(20), socket.close(None)).await.is_err());
            }
            sockets::reset(far);
            let error = last(&mut socket).await;
            assert!(error.is_some_and(|error| error.is_io()));
            assert_eq!(pool.leased(), 0, "while the socket is still there");
        }
    }
}

#[tokio::test]
async fn a_transport_that_fails_at_any_call_is_an_error_and_holds_nothing() {
    let pool = pool();
    for role in ROLES {
        for is_closing in [false, true] {
            for call in 0.. {
                let incoming =
                    [Frame::ping("?"), Frame::text(vec![b'x'; 5_000]), Frame::close(1000, "")];
                let incoming = wire(incoming.map(|frame| frame.to(role)));
                let mut socket =
                    socket(role, Faulty::new(incoming).cut(2_000).failing_at(call), &pool);
                let mut failures = 0;
                for message in [Message::from("x".repeat(5_000)), Message::from("y")] {
                    failures += usize::from(socket.send(message).await.is_err());
                }
                if is_closing {
                    failures += usize::from(socket.send(Message::Close(None)).await.is_err());
                }
                while let Some(message) = socket.recv().await {
                    failures += usize::from(message.is_err());
                }
                // What the stream could not send, the sink tells.
                failures += usize::from(socket.flush().await.is_err());
                assert_eq!(pool.leased(), 0, "call {call} fails");
                if !socket.get_ref().has_failed() {
                    assert_eq!(failures, 0);
                    break;
                }
                // Once both have said goodbye a failure changes nothing.
                assert!(
                    failures > 0
                        || Frame::parse_all(socket.get_ref().sent()).last().unwrap().opcode() == 8
                );
            }
        }
    }
}
