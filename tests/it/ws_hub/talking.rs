//! A member is a socket, too: it answers pings, receives, and sends to its own peer while it is
//! broadcast to.

use std::time::Duration;

use leasehold::ws::{Hub, SlowPolicy};
use tokio::time::timeout;

use crate::ws_hub::{
    chain,
    frame::{Frame, PONG, TEXT},
    join, message, pool,
};

#[tokio::test]
async fn pings_are_answered_and_messages_echoed_during_a_broadcast() {
    const COUNT: usize = 200;
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(usize::MAX).build();
    let (mut member, mut peer) = join(&hub, &pool, 500);
    let echoing = tokio::spawn(async move {
        while let Some(Ok(message)) = member.recv().await {
            if message.is_data() {
                member.send(message).await.unwrap();
            }
        }
    });
    let broadcasting = tokio::spawn({
        let (hub, pool) = (hub.clone(), pool.clone());
        async move {
            for index in 0..COUNT {
                hub.send(message(&pool, index as u8, 300)).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let talking = async {
        let (mut broadcasts, mut echoes, mut pongs) = (0, 0, 0);
        for index in 0..COUNT {
            peer.send_all([Frame::text(format!("{index}")), Frame::ping(format!("{index}"))]).await;
            let (mut echoed, mut ponged) = (false, false);
            while !(echoed && ponged) {
                let frame = peer.recv().await.unwrap();
                match frame.opcode() {
                    TEXT => {
                        assert_eq!(frame, Frame::text(format!("{index}")));
                        (echoed, echoes) = (true, echoes + 1);
                    }
                    PONG => {
                        assert_eq!(frame, Frame::pong(format!("{index}")));
                        (ponged, pongs) = (true, pongs + 1);
                    }
                    _ => {
                        assert_eq!(frame, Frame::binary([broadcasts as u8; 300]));
                        broadcasts += 1;
                    }
                }
            }
        }
        while broadcasts < COUNT {
            assert_eq!(peer.recv().await, Some(Frame::binary([broadcasts as u8; 300])));
            broadcasts += 1;
        }
        assert_eq!((echoes, pongs), (COUNT, COUNT));
        drop(peer);
    };
    timeout(Duration::from_secs(20), talking).await.expect("all of it comes");
    broadcasting.await.unwrap();
    echoing.await.unwrap();
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn what_a_member_receives_can_be_broadcast_out_of_its_blocks() {
    let pool = pool();
    let account = pool.account("hub", 64 << 10);
    let hub = Hub::new(&account);
    let (mut from, mut of_from) = join(&hub, &pool, 10_000);
    let (mut to, mut of_to) = join(&hub, &pool, 10_000);
    of_from.send(Frame::binary([7; 3_000])).await;
    let message = from.recv().await.unwrap().unwrap();
    let leased = pool.leased();
    hub.try_send(message).unwrap();
    assert_eq!(
        (account.leased(), pool.leased()),
        (leased, leased),
        "charged to the hub now, and not copied"
    );
    for (member, peer) in [(&mut from, &mut of_from), (&mut to, &mut of_to)] {
        assert!(crate::ws_hub::once(member.recv()).await.is_pending());
        assert_eq!(peer.recv().await, Some(Frame::binary([7; 3_000])));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_to_a_peer_that_does_not_read_ends_when_the_member_is_out() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(1_000).policy(SlowPolicy::Close).build();
    let (mut member, _peer) = join(&hub, &pool, 10);
    let sending = tokio::spawn(async move {
        let sent = member.send(chain([1; 10_000])).await;
        (sent, member)
    });
    tokio::task::yield_now().await;
    hub.try_send(message(&pool, 2, 900)).unwrap();
    hub.try_send(message(&pool, 3, 900)).unwrap();
    let (sent, member) =
        timeout(Duration::from_secs(5), sending).await.expect("it is woken").unwrap();
    assert!(sent.unwrap_err().is_closed());
    assert_eq!(pool.leased(), 0);
    timeout(Duration::from_secs(20), crate::ws_hub::run(member)).await.expect("it ends");
}
