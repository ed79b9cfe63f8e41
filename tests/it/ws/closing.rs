//! How connections end: who says what, what is still sent and received, and how long it may take.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{CloseCode, CloseFrame, Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::ws::{
    ROLES,
    frame::{Frame, TEXT, wire},
    peer::duplex,
    pool, socket,
    transport::{End, Faulty, once, sockets::tcp_pair},
};

/// The default of the settings.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

fn sent(bytes: &[u8]) -> Vec<Frame> {
    Frame::parse_all(bytes).into_iter().map(|frame| Frame { mask: None, ..frame }).collect()
}

/// What a peer gets that ends its connection after these bytes.
async fn answer(
    role: Role,
    incoming: Vec<u8>,
    pool: &Pool,
) -> (Vec<Result<Message, String>>, Vec<Frame>) {
    let mut socket = socket(role, Faulty::new(incoming).cut(9), pool);
    let mut received = Vec::new();
    while let Some(message) = socket.recv().await {
        received.push(message.map_err(|error| error.to_string()));
    }
    assert!(!socket.is_open());
    assert!(socket.recv().await.is_none());
    let data: usize = received.iter().flatten().filter(|message| message.is_data()).count();
    assert_eq!(pool.leased() > 0, data > 0, "only what was received is leased");
    (received, sent(socket.get_ref().sent()))
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_code() {
    let pool = pool();
    for role in ROLES {
        let close = Frame::close(3456, "enough\u{20ac}").to(role).to_bytes();
        let (received, sent) = answer(role, close, &pool).await;
        let frame = CloseFrame::new(CloseCode::new(3456).unwrap(), "enough\u{20ac}");
        assert_eq!(received, [Ok(Message::Close(Some(frame)))]);
        assert_eq!(sent, [Frame::close(3456, "")]);
        let (received, sent) = answer(role, Frame::close_empty().to(role).to_bytes(), &pool).await;
        assert_eq!(received, [Ok(Message::Close(None))]);
        assert_eq!(sent, [Frame::close_empty()]);
    }
}

#[tokio::test]
async fn every_code_is_taken_or_refused_as_the_rfc_says() {
    let pool = pool();
    for code in (0..5_200).chain([u16::MAX - 1, u16::MAX]) {
        // 1004 to 1006 and 1015 are never on the wire; 1012 to 1014 were registered later (RFC 6455
        // §7.4).
        let is_valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(CloseCode::new(code).is_some(), is_valid);
        let (received, sent) =
            answer(Role::Server, Frame::close(code, "").masked().to_bytes(), &pool).await;
        assert_eq!(received.len(), 1);
        if is_valid {
            assert_eq!(
                received,
                [Ok(Message::Close(Some(CloseFrame::new(CloseCode::new(code).unwrap(), ""))))]
            );
            assert_eq!(sent, [Frame::close(code, "")]);
        } else {
            assert!(
                received[0]
                    .as_ref()
                    .is_err_and(|error| error.contains(&format!("close code {code} "))),
                "{code}"
            );
            assert_eq!(sent[0].close_code(), Some(1002));
        }
        assert_eq!(sent.len(), 1);
    }
}

#[tokio::test]
async fn what_comes_behind_a_close_frame_is_ignored() {
    let pool = pool();
    for role in ROLES {
        let behind = [
            Frame::text("late"),
            Frame::ping("late"),
            Frame::close(1001, ""),
            Frame::new(7, "nonsense"),
        ];
        let frames = [Frame::text("in time"), Frame::close(1000, "")].into_iter().chain(behind);
        let (received, sent) = answer(role, wire(frames.map(|frame| frame.to(role))), &pool).await;
        assert_eq!(received.len(), 2, "{received:?}");
        assert_eq!(sent, [Frame::close(1000, "")]);
        drop(received);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_close_frame_within_a_message_ends_it() {
    let pool = pool();
    for role in ROLES {
        let begun = Frame::new(TEXT, vec![b'x'; 100_000]).begun();
        let frames = [begun, Frame::close(1001, "")].map(|frame| frame.to(role));
        let (received, sent) = answer(role, wire(frames), &pool).await;
        assert_eq!(
            received,
            [Ok(Message::Close(Some(CloseFrame::new(CloseCode::GOING_AWAY, ""))))]
        );
        assert_eq!(sent, [Frame::close(1001, "")]);
    }
}

#[tokio::test]
async fn we_close_with_a_code_and_a_reason() {
    let pool = pool();
    let long = "\u{20ac}".repeat(50);
    let cases = [
        (None, Frame::close(1000, "")),
        (Some(CloseFrame::new(CloseCode::RESTART, "soon back")), Frame::close(1012, "soon back")),
        // Cut at a character.
        (Some(CloseFrame::new(CloseCode::NORMAL, long.clone())), Frame::close(1000, &long[..123])),
    ];
    for role in ROLES {
        for (frame, expected) in &cases {
            let (near, mut peer) = duplex(role, 1000);
            let mut socket = WebSocket::new(near, role, &pool);
            let peer = async {
                assert_eq!(peer.recv().await.as_ref(), Some(expected));
                peer.send(Frame::close(1000, "")).await;
                peer.assert_end().await;
            };
            let (closed, ()) = tokio::join!(socket.close(frame.clone()), peer);
            closed.unwrap();
            socket.close(None).await.unwrap();
            assert!(socket.recv().await.is_none());
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn after_our_close_frame_what_the_peer_sends_is_received_and_nothing_is_answered() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 1000);
        let mut socket = WebSocket::new(near, role, &pool);
        socket.send(Message::Close(None)).await.unwrap();
        assert!(!socket.is_open());
        peer.send_all([Frame::text("last"), Frame::ping("?"), Frame::close(4000, "bye")]).await;
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from("last"));
        assert!(matches!(socket.recv().await.unwrap().unwrap(), Message::Ping(_)));
        let frame = CloseFrame::new(CloseCode::new(4000).unwrap(), "bye");
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::Close(Some(frame)));
        let (end, ()) = tokio::join!(socket.recv(), peer.assert_closed(1000));
        assert!(end.is_none());
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn after_a_close_frame_nothing_can_be_sent() {
    let pool = pool();
    for role in ROLES {
        let io = || Faulty::new(Frame::close(1000, "").to(role).to_bytes()).staying_open();
        let mut ours = socket(role, io(), &pool);
        ours.send(Message::Close(None)).await.unwrap();
        let mut theirs = socket(role, io(), &pool);
        theirs.recv().await.unwrap().unwrap();
        for socket in [&mut ours, &mut theirs] {
            assert!(socket.send("more").await.unwrap_err().is_closed());
            assert!(socket.feed(Message::Close(None)).await.unwrap_err().is_closed());
            socket.flush().await.unwrap();
            SinkExt::close(socket).await.unwrap();
            assert_eq!(
                sent(socket.get_ref().sent()),
                [Frame::close(1000, "")],
                "one close frame, and nothing behind it"
            );
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_sink_that_is_closed_sends_what_is_queued_and_a_close_frame() {
    let pool = pool();
    for role in ROLES {
        let mut socket = socket(role, Faulty::new([]).pending().staying_open(), &pool);
        socket.feed("first".into()).await.unwrap();
        SinkExt::close(&mut socket).await.unwrap();
        assert_eq!(sent(socket.get_ref().sent()), [Frame::text("first"), Frame::close(1000, "")]);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn both_may_close_at_once() {
    let pool = pool();
    let (near, far) = tcp_pair().await;
    let mut server = WebSocket::new(near, Role::Server, &pool);
    let mut client = WebSocket::new(far, Role::Client, &pool);
    let closing = async { tokio::join!(server.close(None), client.close(None)) };
    let (of_server, of_client) =
        tokio::time::timeout(CLOSE_TIMEOUT / 2, closing).await.expect("both end");
    of_server.unwrap();
    of_client.unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_server_ends_the_connection_and_a_client_waits_for_that() {
    let pool = pool();
    let (near, mut peer) = duplex(Role::Server, 1000);
    let mut socket = WebSocket::new(near, Role::Server, &pool);
    peer.send(Frame::close(1000, "")).await;
    assert!(socket.next().await.unwrap().is_ok());
    assert!(once(socket.recv()).await.is_pending(), "the peer is still there");
    assert_eq!((peer.recv().await, peer.recv().await), (Some(Frame::close(1000, "")), None));
    drop(peer);
    assert!(socket.recv().await.is_none());

    let (near, mut peer) = duplex(Role::Client, 1000);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    peer.send(Frame::close(1000, "")).await;
    assert!(socket.next().await.unwrap().is_ok());
    assert!(once(socket.recv()).await.is_pending());
    assert_eq!(peer.recv().await, Some(Frame::close(1000, "")));
    assert!(once(peer.recv()).await.is_pending());
    peer.io.shutdown().await.unwrap();
    assert!(socket.recv().await.is_none());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_transport_is_shut_down_once_however_often_its_end_is_looked_for() {
    let pool = pool();
    for role in ROLES {
        let incoming = wire([Frame::close(1000, "")].map(|frame| frame.to(role)));
        let mut socket = socket(role, Faulty::new(incoming).pending().staying_open(), &pool);
        socket.recv().await.unwrap().unwrap();
        // An answer in time, a flush, a shutdown: each is told to wait first.
        for _ in 0..4 {
            assert!(once(socket.recv()).await.is_pending());
        }
        let (calls, end) = (socket.get_ref().calls(), socket.get_ref().end());
        assert_eq!(end, if role == Role::Server { End::Shutdown } else { End::Flushed });
        for _ in 0..10 {
            assert!(once(socket.recv()).await.is_pending(), "the peer is still there");
        }
        assert_eq!(socket.get_ref().calls(), calls, "{role:?}");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn what_the_peer_sent_meanwhile_does_not_reset_the_connection() {
    let pool = pool();
    let (near, mut far) = tcp_pair().await;
    let mut server = WebSocket::new(near, Role::Server, &pool);
    let closing = async {
        server.close(Some(CloseFrame::new(CloseCode::NORMAL, "enough"))).await.unwrap();
        drop(server);
    };
    let peer = async {
        let frames = [
            Frame::binary(vec![0; 1 << 20]),
            Frame::close(1000, ""),
            Frame::binary(vec![0; 1 << 20]),
        ];
        far.write_all(&wire(frames.map(Frame::masked))).await.unwrap();
        let mut read = Vec::new();
        far.shutdown().await.unwrap();
        far.read_to_end(&mut read).await.unwrap();
        assert_eq!(sent(&read), [Frame::close(1000, "enough")]);
    };
    tokio::join!(closing, peer);
    assert_eq!(pool.leased(), 0);
}

// ---- time ---------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_our_close_frame_has_its_time() {
    let pool = pool();
    for role in ROLES {
        for noise in [None, Some(Duration::from_millis(300))] {
            let (near, mut peer) = duplex(role, 1 << 20);
            let mut socket = WebSocket::new(near, role, &pool);
            let begun = Instant::now();
            let talking = async {
                while let Some(noise) = noise {
                    peer.send(Frame::text("and another thing")).await;
                    tokio::time::sleep(noise).await;
                }
                std::future::pending().await
            };
            let closed = tokio::select! {
                closed = socket.close(None) => closed,
                () = talking => unreachable!("it talks forever"),
            };
            assert!(closed.is_err());
            let elapsed = begun.elapsed();
            assert!(
                elapsed >= CLOSE_TIMEOUT && elapsed < CLOSE_TIMEOUT + Duration::from_millis(310),
                "{elapsed:?}"
            );
            assert!(socket.recv().await.is_none());
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_ends_the_connection_has_its_time() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 1000);
        let mut socket = WebSocket::new(near, role, &pool);
        peer.send(Frame::close(1000, "")).await;
        socket.recv().await.unwrap().unwrap();
        let begun = Instant::now();
        assert!(socket.recv().await.is_none());
        assert!(
            begun.elapsed() >= CLOSE_TIMEOUT
                && begun.elapsed() < CLOSE_TIMEOUT + Duration::from_millis(10)
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_hold_a_close_up() {
    let pool = pool();
    for role in ROLES {
        for len in [10, 1 << 20] {
            let (near, _peer) = duplex(role, 8);
            let mut socket = WebSocket::new(near, role, &pool);
            // More than the peer takes, and than is queued before a sink waits.
            socket.feed(Message::binary(bytes::Bytes::from(vec![0; len]))).await.unwrap();
            let begun = Instant::now();
            assert!(socket.close(None).await.is_err());
            assert!(
                begun.elapsed() >= CLOSE_TIMEOUT
                    && begun.elapsed() < CLOSE_TIMEOUT + Duration::from_millis(10)
            );
            assert!(socket.recv().await.is_none());
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_is_gone_on_with() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 8);
        let mut socket = WebSocket::new(near, role, &pool);
        for _ in 0..5 {
            assert!(once(socket.close(None)).await.is_pending());
        }
        let peer = async {
            assert_eq!(peer.recv().await, Some(Frame::close(1000, "")));
            peer.send(Frame::close(1000, "")).await;
            peer.assert_end().await;
        };
        let (closed, ()) = tokio::join!(socket.close(None), peer);
        closed.unwrap();
        assert_eq!(pool.leased(), 0);
    }
}
