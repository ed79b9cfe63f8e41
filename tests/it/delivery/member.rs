//! `ws::Member`.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::Stream;
use leasehold::{
    Pool,
    ws::{CloseCode, CloseFrame, Config, Hub, Member, Message, Role, WebSocket},
};
use tokio::net::TcpStream;

use crate::delivery::{LARGE, hearing, large, pair, pool, reading, short, soon};

async fn member(config: Config) -> (Pool, Hub, Member<TcpStream>, TcpStream) {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(64 << 20).build();
    let (near, far) = pair().await;
    let member = hub.join(WebSocket::with_config(near, Role::Server, &pool, config.into()));
    (pool, hub, member, far)
}

#[tokio::test]
async fn send_has_written_its_message_behind_what_was_begun() {
    let (pool, hub, mut member, mut far) = member(Config::new()).await;
    hub.try_send("begun").unwrap();
    // Its task looks at its mailbox.
    poll_fn(|cx| Poll::Ready(pin!(&mut member).poll_next(cx).is_pending())).await;
    hub.try_send("later").unwrap();
    member.send("mine").await.unwrap();
    assert_eq!(crate::delivery::read_exactly(&mut far, 13).await, b"\x81\x05begun\x81\x04mine");
    poll_fn(|cx| Poll::Ready(Pin::new(&mut member).poll_next(cx).is_pending())).await;
    assert_eq!(crate::delivery::read_exactly(&mut far, 7).await, b"\x81\x05later");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn close_sends_all_that_its_mailbox_has_and_then_the_close_frame() {
    for is_sent in [false, true] {
        let (pool, hub, mut member, far) = member(Config::new()).await;
        hub.try_send(Message::binary(large())).unwrap();
        hub.try_send("last").unwrap();
        let heard = hearing(far);
        let frame = CloseFrame::new(CloseCode::RESTART, "");
        if is_sent {
            soon(member.send(Message::Close(Some(frame)))).await.unwrap();
        } else {
            soon(member.close(Some(frame))).await.unwrap();
        }
        assert_eq!(hub.try_send("more").unwrap(), 0);
        while soon(member.recv()).await.transpose().unwrap().is_some() {}
        assert_eq!(short(&soon(heard).await.unwrap()), [(2, LARGE), (1, 4), (8, 1012)]);
        drop(member);
        assert_eq!((hub.len(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn a_close_waits_no_longer_than_the_timeout_for_a_peer_that_does_not_read() {
    for is_sent in [false, true] {
        let (pool, hub, mut member, far) =
            member(Config::new().close_timeout(Duration::from_secs(1))).await;
        hub.try_send(Message::binary(large())).unwrap();
        let begun = Instant::now();
        let closed = if is_sent {
            soon(member.send(Message::Close(None))).await
        } else {
            soon(member.close(None)).await
        };
        assert!(closed.unwrap_err().is_silent());
        assert!((900..5_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        assert!(soon(member.recv()).await.is_none());
        drop(far);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_drop_loses_what_is_not_written_and_sends_no_close_frame() {
    let (pool, hub, mut member, far) = member(Config::new()).await;
    hub.try_send(Message::binary(large())).unwrap();
    poll_fn(|cx| Poll::Ready(pin!(&mut member).poll_next(cx).is_pending())).await;
    drop(member);
    let read = soon(reading(far)).await.unwrap().len();
    assert!((1..10 + LARGE).contains(&read), "a part of a message, and the end: {read}");
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}
