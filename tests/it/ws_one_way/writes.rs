//! Writes that fail while the peer's last words are there to be read.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use leasehold::ws::{Config, Hub, Message, Role, WebSocket};
use tokio::time::Instant;

use crate::ws_one_way::{
    Deaf, Faulty, ROLES, assert_last_words, frame::Frame, kind, last_words, pool, wire,
};

/// All messages until the end.
async fn hear(socket: &mut WebSocket<Deaf>) -> Vec<Message> {
    let mut heard = Vec::new();
    while let Some(message) = socket.recv().await {
        heard.push(message.expect("what has arrived"));
    }
    heard
}

#[tokio::test]
async fn the_last_words_of_a_peer_are_heard_after_a_failed_send() {
    let pool = pool();
    for role in ROLES {
        for cut in [1, 3, usize::MAX] {
            for takes in [0, 1, 5] {
                let io = Deaf { takes, ..Deaf::new(Faulty::new(last_words(role)).cut(cut)) };
                let mut socket = WebSocket::new(io, role, &pool);
                let error =
                    socket.send("a message that is longer than what is taken").await.unwrap_err();
                assert_eq!(kind(&error), Some(std::io::ErrorKind::BrokenPipe));
                assert!(!socket.is_open());
                assert!(socket.send("more").await.unwrap_err().is_closed(), "it is told once");
                assert!(socket.flush().await.unwrap_err().is_closed());
                assert_last_words(&hear(&mut socket).await);
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_failure_that_the_stream_meets_is_told_by_the_sink() {
    let pool = pool();
    for role in ROLES {
        let words = [wire([Frame::ping("?").to(role)]), last_words(role)].concat();
        let mut socket = WebSocket::new(Deaf::new(Faulty::new(words)), role, &pool);
        socket.feed(Message::from("queued")).await.unwrap();
        let heard = hear(&mut socket).await;
        assert_eq!(heard[0], Message::Ping(bytes::Bytes::from("?").into()));
        assert_last_words(&heard[1..]);
        drop(heard);
        let error = socket.flush().await.unwrap_err();
        assert_eq!(kind(&error), Some(std::io::ErrorKind::BrokenPipe));
        assert!(socket.send("more").await.unwrap_err().is_closed());
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn whoever_closes_hears_the_peer_out_and_is_told_what_failed() {
    let pool = pool();
    for role in ROLES {
        // The peer's close frame is there: both have closed.
        let mut socket = WebSocket::new(Deaf::new(Faulty::new(last_words(role))), role, &pool);
        socket.close(None).await.unwrap();
        // It is not: our close frame was never sent.
        let io = Deaf::new(Faulty::new(Frame::binary("one").to(role).to_bytes()));
        let mut socket = WebSocket::new(io, role, &pool);
        let error = socket.close(None).await.unwrap_err();
        assert_eq!(kind(&error), Some(std::io::ErrorKind::BrokenPipe));
        assert!(socket.recv().await.is_none());
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_half_that_sends_hears_of_it_while_the_other_one_receives() {
    let pool = pool();
    for role in ROLES {
        let (mut sink, mut stream) =
            WebSocket::new(Deaf::new(Faulty::new(last_words(role))), role, &pool).split();
        let error = sink.send(Message::from("x")).await.unwrap_err();
        assert_eq!(kind(&error), Some(std::io::ErrorKind::BrokenPipe));
        let mut heard = Vec::new();
        while let Some(message) = stream.next().await {
            heard.push(message.unwrap());
        }
        assert_last_words(&heard);
        drop(heard);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_member_hears_its_peer_out_after_a_broadcast_that_failed() {
    let pool = pool();
    let hub = Hub::new(&pool);
    for is_own in [false, true] {
        let socket =
            WebSocket::new(Deaf::new(Faulty::new(last_words(Role::Server))), Role::Server, &pool);
        let mut member = hub.join(socket);
        hub.try_send("news").unwrap();
        if is_own {
            assert!(member.send("to this peer alone").await.unwrap_err().is_io());
        }
        let mut heard = Vec::new();
        while let Some(message) = member.recv().await {
            heard.push(message.expect("what has arrived"));
        }
        assert_last_words(&heard);
        drop(heard);
        assert_eq!(hub.try_send("it is out").unwrap(), 0);
        drop(member);
        assert_eq!((hub.len(), pool.leased()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_neither_takes_nor_says_anything_is_waited_for_no_longer_than_the_timeout() {
    let pool = pool();
    let config = std::sync::Arc::new(Config::new().close_timeout(Duration::from_secs(3)));
    for role in ROLES {
        for is_told in [false, true] {
            let io =
                Deaf::new(Faulty::new(Frame::binary("one").to(role).to_bytes()).staying_open());
            let mut socket = WebSocket::with_config(io, role, &pool, config.clone());
            let begun = Instant::now();
            socket.feed(Message::from("queued")).await.unwrap();
            if is_told {
                assert_eq!(
                    kind(&socket.flush().await.unwrap_err()),
                    Some(std::io::ErrorKind::BrokenPipe)
                );
            }
            assert_eq!(
                socket.recv().await.unwrap().unwrap(),
                Message::binary(bytes::Bytes::from("one"))
            );
            let error = socket.recv().await.unwrap().unwrap_err();
            assert_eq!((error.is_silent(), error.is_io()), (is_told, !is_told), "{error}");
            assert!((2_900..3_500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
            assert!(socket.recv().await.is_none());
            assert_eq!(pool.leased(), 0);
        }
    }
}
