//! What waits to be sent: how much, when it goes home, and in how many calls it goes out.

use std::sync::Arc;

use bytes::BufMut;
use futures_util::SinkExt;
use leasehold::{
    Chain, Pool,
    ws::{Config, Message, Role, WebSocket},
};

use crate::ws::{
    ROLES,
    frame::Frame,
    peer::duplex,
    pool, socket,
    transport::{Faulty, once},
};

fn leased(pool: &Pool, fill: u8, len: usize) -> Chain {
    let mut chain = pool.try_chain(len).unwrap();
    chain.put_bytes(fill, len);
    chain.freeze()
}

#[tokio::test]
async fn a_sink_takes_messages_up_to_the_high_mark_and_waits_for_a_peer_that_does_not_read() {
    let pool = pool();
    for role in ROLES {
        let head = if role == Role::Server { 2 } else { 6 };
        for max_queued in [0, 1_000, 64 << 10] {
            let (near, mut peer) = duplex(role, 8);
            let config = Arc::new(Config::new().max_queued(max_queued));
            let mut socket = WebSocket::with_config(near, role, &pool, config);
            let mut taken = 0;
            while once(socket.feed(Message::binary(leased(&pool, taken as u8, 100))))
                .await
                .is_ready()
            {
                taken += 1;
            }
            // The last look at the mark sent what the pipe takes.
            assert_eq!(taken, (max_queued.div_ceil(100 + head + 64)).max(1), "up to {max_queued}");
            // The one that waited was never taken, and is gone with its future.
            let most = taken * 1024;
            assert!(pool.leased() <= most, "{} of {most}", pool.leased());
            let reading = async {
                for index in 0..taken {
                    assert_eq!(peer.recv().await, Some(Frame::binary([index as u8; 100])));
                }
                assert_eq!(peer.recv().await, Some(Frame::text("last")));
            };
            let (sent, ()) = tokio::join!(socket.send("last"), reading);
            sent.unwrap();
            assert_eq!(pool.leased(), 0);
        }
    }
}

#[tokio::test]
async fn below_the_high_mark_nothing_is_sent_before_a_flush() {
    let pool = pool();
    for role in ROLES {
        let mut socket = socket(role, Faulty::new([]), &pool);
        for _ in 0..10 {
            socket.feed("waits".into()).await.unwrap();
        }
        assert_eq!(socket.get_ref().sent(), []);
        socket.flush().await.unwrap();
        assert_eq!(Frame::parse_all(socket.get_ref().sent()).len(), 10);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn blocks_go_home_with_their_last_byte() {
    const BLOCK: usize = 4 << 10;
    let pool = pool();
    for io in [Faulty::new([]), Faulty::new([]).vectored()] {
        let mut socket = socket(Role::Server, io.cut(1_000).pending(), &pool);
        let blocks = || (0..10).flat_map(|fill| leased(&pool, fill, BLOCK));
        let mut sending =
            tokio_test::task::spawn(socket.send(Message::binary(blocks().collect::<Chain>())));
        // Each poll sends 1,000 bytes, but for the first one, and the last one flushes.
        for polls in 0..41 {
            assert!(sending.poll().is_pending());
            let left = (10 * BLOCK + 4).saturating_sub(polls * 1_000);
            assert_eq!(pool.leased(), left.div_ceil(BLOCK).min(10) * BLOCK, "after {polls} polls");
        }
        assert!(sending.poll().is_pending(), "a flush");
        assert!(matches!(sending.poll(), std::task::Poll::Ready(Ok(()))));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn small_messages_go_out_together() {
    let pool = pool();
    for role in ROLES {
        for io in [Faulty::new([]), Faulty::new([]).vectored()] {
            let mut socket = socket(role, io, &pool);
            for _ in 0..1_000 {
                socket.feed(Message::binary(leased(&pool, 7, 50))).await.unwrap();
            }
            let before = socket.get_ref().calls();
            socket.flush().await.unwrap();
            let calls = socket.get_ref().calls() - before;
            // 64 pieces a call, each message has two; gathered, 32 messages are not 8 KiB.
            assert!(calls <= 1_000 / 32 + 2, "{calls} calls");
            assert_eq!(Frame::parse_all(socket.get_ref().sent()).len(), 1_000);
            assert_eq!(pool.leased(), 0);
        }
    }
}
