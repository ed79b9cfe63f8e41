//! How a hub ends, and members.

use std::time::Duration;

use leasehold::ws::{Hub, Message};
use tokio::time::timeout;

use crate::ws_hub::{frame::Frame, join, message, once, part, pool, run};

#[tokio::test]
async fn when_a_hub_is_closed_every_peer_is_told_behind_what_was_sent() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let (mut begun, mut of_begun) = join(&hub, &pool, 30);
    let (idle, mut of_idle) = join(&hub, &pool, 1_000);
    let idle = tokio::spawn(run(idle));
    hub.try_send(message(&pool, 1, 200)).unwrap();
    assert!(once(begun.recv()).await.is_pending());
    tokio::task::yield_now().await;
    hub.try_send(message(&pool, 2, 200)).unwrap();
    hub.close();
    assert_eq!(hub.len(), 2);
    let begun = tokio::spawn(run(begun));
    assert_eq!(of_begun.recv().await, Some(Frame::binary([1; 200])));
    assert_eq!(of_begun.recv().await, Some(Frame::binary([2; 200])));
    timeout(Duration::from_secs(5), part(of_begun, 1001)).await.expect("it is told");
    assert_eq!(of_idle.recv().await, Some(Frame::binary([1; 200])));
    assert_eq!(of_idle.recv().await, Some(Frame::binary([2; 200])));
    timeout(Duration::from_secs(5), part(of_idle, 1001)).await.expect("it is told");
    begun.await.unwrap();
    idle.await.unwrap();
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn whoever_joins_a_closed_hub_is_told_at_once() {
    let pool = pool();
    let hub = Hub::new(&pool);
    hub.close();
    hub.close();
    let (member, peer) = join(&hub, &pool, 1_000);
    tokio::join!(run(member), part(peer, 1001));
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn a_member_may_outlive_its_hub() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let (mut member, mut peer) = join(&hub, &pool, 1_000);
    hub.try_send("last").unwrap();
    drop(hub);
    assert!(once(member.recv()).await.is_pending());
    assert_eq!(peer.recv().await, Some(Frame::text("last")));
    peer.send(Frame::text("still here")).await;
    assert_eq!(member.recv().await.unwrap().unwrap(), Message::from("still here"));
    drop(member);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_member_that_is_dropped_during_a_broadcast_takes_nothing_with_it() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let mut places: Vec<_> = (0..8).map(|_| Some(join(&hub, &pool, 64))).collect();
    for round in 0..400_usize {
        let sent = hub.try_send(message(&pool, round as u8, 100 + round % 300)).unwrap();
        assert_eq!(sent, hub.len());
        let place = &mut places[round * 7 % 8];
        match place {
            // In the middle of a message, or before it.
            Some((member, _)) if round % 3 > 0 => assert!(once(member.recv()).await.is_pending()),
            Some(_) => *place = None,
            None => *place = Some(join(&hub, &pool, 64)),
        }
    }
    assert!(pool.leased() > 0);
    drop(places);
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}
