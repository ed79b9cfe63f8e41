//! A socket that is split into a stream and a sink, each in a task of its own: neither waits for a
//! waking that the other has had.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{Message, Role, WebSocket},
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::ws::{
    ROLES,
    frame::Frame,
    peer::duplex,
    pool,
    transport::{once, pattern, sockets::tcp_pair},
};

const SOON: Duration = Duration::from_secs(10);

fn large() -> Message {
    Message::binary(bytes::Bytes::from(pattern(100_000)))
}

#[tokio::test(start_paused = true)]
async fn a_send_ends_although_whoever_receives_has_sent_the_rest() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 64);
        let (mut sink, mut stream) = WebSocket::new(near, role, &pool).split();
        let receiving = tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
        let sending = tokio::spawn(async move {
            sink.send(large()).await.unwrap();
            sink.send("next".into()).await.unwrap();
            sink.close().await.unwrap();
        });
        sleep(Duration::from_secs(1)).await;
        // The receiving task meets what is being sent, and answers.
        peer.send(Frame::ping("?")).await;
        sleep(Duration::from_secs(1)).await;
        let reading = async {
            assert_eq!(peer.recv().await, Some(Frame::binary(pattern(100_000))));
            let mut others = Vec::new();
            while others.len() < 3 {
                others.push(peer.recv().await.unwrap());
            }
            others.sort_by_key(Frame::opcode);
            assert_eq!(others, [Frame::text("next"), Frame::close(1000, ""), Frame::pong("?")]);
            peer.send(Frame::close(1000, "")).await;
            peer.assert_end().await;
        };
        timeout(SOON, reading).await.expect("all of it comes");
        timeout(SOON, sending).await.expect("it is told that all was sent").unwrap();
        timeout(SOON, receiving).await.expect("it ends").unwrap();
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_send_has_left_is_sent_by_whoever_receives() {
    let pool = pool();
    for role in ROLES {
        let (near, mut peer) = duplex(role, 64);
        let (mut sink, mut stream) = WebSocket::new(near, role, &pool).split();
        // The pipe is full, and another task receives.
        assert!(once(sink.send(large())).await.is_pending());
        let receiving = tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
        sleep(Duration::from_secs(1)).await;
        assert!(
            once(sink.flush()).await.is_pending(),
            "it was the last to be told to wait, and is gone"
        );
        let read = timeout(SOON, peer.recv()).await.expect("it goes on");
        assert_eq!(read, Some(Frame::binary(pattern(100_000))));
        drop((peer, sink));
        timeout(SOON, receiving).await.expect("it ends").unwrap();
        assert_eq!(pool.leased(), 0);
    }
}

/// Sends and receives at once, as fast as it goes; the socket again.
async fn exchange(socket: WebSocket<TcpStream>) -> WebSocket<TcpStream> {
    const COUNT: usize = 300;
    let (mut sink, mut stream) = socket.split();
    let receiving = tokio::spawn(async move {
        let mut index = 0;
        while index < COUNT {
            if let Some(data) = stream.next().await.unwrap().unwrap().into_data() {
                assert!(data == pattern(index * 331)[..]);
                index += 1;
            }
        }
        stream
    });
    let sending = tokio::spawn(async move {
        for index in 0..COUNT {
            sink.feed(Message::binary(bytes::Bytes::from(pattern(index * 331)))).await.unwrap();
            if index % 10 == 0 {
                sink.send(Message::Ping(bytes::Bytes::from_static(b"?").into())).await.unwrap();
            }
        }
        sink.flush().await.unwrap();
        sink
    });
    let stream = timeout(3 * SOON, receiving).await.expect("nobody waits forever").unwrap();
    let sink = timeout(3 * SOON, sending).await.expect("nobody waits forever").unwrap();
    stream.reunite(sink).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn both_halves_of_both_ends_run_at_once() {
    let pool = Pool::new(64 << 20).unwrap();
    for _ in 0..3 {
        let (near, far) = tcp_pair().await;
        let sockets = [(near, Role::Server), (far, Role::Client)]
            .map(|(io, role)| WebSocket::new(io, role, &pool));
        let [server, client] = sockets.map(|socket| tokio::spawn(exchange(socket)));
        let (mut server, mut client) = (server.await.unwrap(), client.await.unwrap());
        let (of_server, of_client) = tokio::join!(server.close(None), client.close(None));
        of_server.unwrap();
        of_client.unwrap();
    }
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}
