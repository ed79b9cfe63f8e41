//! Between messages a socket holds on the heap what it held before the first one, whatever it
//! carried.

use crate::support::heap;

use crate::support::frame;
use crate::support::peer;

use frame::Frame;
use leasehold::{
    Pool,
    ws::{Message, Role, WebSocket},
};
use peer::duplex;

#[test]
fn a_socket_holds_no_more_between_messages_than_at_first() {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for role in [Role::Server, Role::Client] {
            hold(role).await;
        }
    });
}

async fn hold(role: Role) {
    let pool = Pool::new(16 << 20).expect("a pool");
    let (near, mut peer) = duplex(role, 64 << 10);
    let mut socket = WebSocket::new(near, role, &pool);
    let text = vec![b'x'; 1 << 20];
    // The pipe, the peer and the pool have their memory after the first rounds.
    for round in 0..4 {
        let before = heap::live();
        {
            let pieces: Vec<_> = Frame::fragments(1, text.chunks(5_000), role).collect();
            for frames in [
                vec![Frame::text(&*text)],
                vec![Frame::text("short")],
                pieces,
                vec![Frame::binary("")],
            ] {
                let (message, ()) = tokio::join!(socket.recv(), peer.send_all(frames));
                assert!(message.expect("a message").expect("a message").is_data());
                assert_eq!(pool.leased(), 0);
            }
            for len in [1, 70_000, 1 << 20] {
                let message = Message::binary(bytes::Bytes::from(vec![7; len]));
                let (sent, received) = tokio::join!(socket.send(message), peer.recv());
                sent.expect("it is read");
                assert_eq!(received.expect("a frame").payload.len(), len);
                assert_eq!(pool.leased(), 0);
            }
        }
        let after_data = heap::live() - before;
        for _ in 0..50 {
            let (message, ()) = tokio::join!(socket.recv(), peer.send(Frame::ping("?")));
            assert!(matches!(message, Some(Ok(Message::Ping(_)))));
            assert_eq!(peer.recv().await, Some(Frame::pong("?")));
        }
        let after_controls = heap::live() - before;
        println!("{role:?}: {after_data} bytes more after data, {after_controls} after pings");
        assert!(
            after_controls <= after_data,
            "{role:?}: {} bytes for pings",
            after_controls - after_data
        );
        if round == 3 {
            assert!(
                after_data <= 0 && after_controls <= 0,
                "{role:?}: {after_data}, {after_controls} bytes more"
            );
        }
    }
    drop((socket, peer));
    assert_eq!(pool.leased(), 0);
}
