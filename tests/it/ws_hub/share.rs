//! What messages pin of the hub's memory, and that members who stall do not pin all of it.

use std::time::Duration;

use leasehold::ws::{Config, Hub, Role, SlowPolicy, WebSocket};
use tokio::time::{sleep, timeout};

use crate::ws_hub::{COST, frame::Frame, join, message, once, part, peer::duplex, pool, run};

#[tokio::test]
async fn a_message_is_charged_to_the_hub_once_until_the_last_has_sent_it() {
    let pool = pool();
    for count in [1, 10, 100] {
        let account = pool.account("hub", 1 << 20);
        let hub = Hub::new(&account);
        let (mut members, mut peers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| join(&hub, &pool, 10_000)).unzip();
        let sender = pool.account("sender", 1 << 20);
        let message = message(&sender, 7, 1_000);
        assert_eq!((sender.leased(), account.leased()), (1024, 0));
        assert_eq!(hub.try_send(message).unwrap(), count);
        assert_eq!((sender.leased(), account.leased()), (0, 1024));
        for (member, peer) in members.iter_mut().zip(&mut peers) {
            assert_eq!(account.leased(), 1024);
            assert!(once(member.recv()).await.is_pending());
            assert_eq!(peer.recv().await, Some(Frame::binary([7; 1_000])));
        }
        assert_eq!((account.leased(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn memory_comes_home_when_a_stalled_member_goes() {
    let pool = pool();
    let account = pool.account("hub", 1 << 20);
    let hub = Hub::new(&account);
    let (mut member, _peer) = join(&hub, &pool, 10);
    for index in 0..5 {
        hub.try_send(message(&pool, index, 1_000)).unwrap();
        assert!(once(member.recv()).await.is_pending());
    }
    assert_eq!(account.leased(), 5 * 1024);
    drop(member);
    assert_eq!((account.leased(), hub.len()), (0, 0));
}

#[tokio::test]
async fn a_member_whose_socket_is_closed_holds_nothing_more() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let (mut member, mut peer) = join(&hub, &pool, 10_000);
    peer.send(Frame::close(1000, "")).await;
    assert!(member.recv().await.unwrap().is_ok());
    assert!(once(member.recv()).await.is_pending(), "the peer has not gone yet");
    for index in 0..5 {
        assert_eq!(hub.try_send(message(&pool, index, 1_000)).unwrap(), 0);
    }
    assert_eq!((member.dropped_count(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn a_member_that_is_out_holds_what_it_has_begun_until_that_is_sent() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(7_000).policy(SlowPolicy::Close).build();
    let (mut member, mut peer) = join(&hub, &pool, 2_000);
    hub.try_send(message(&pool, 1, 3_000)).unwrap();
    assert!(once(member.recv()).await.is_pending());
    assert_eq!(hub.try_send(message(&pool, 2, 3_000)).unwrap(), 1);
    assert_eq!(hub.try_send(message(&pool, 3, 3_000)).unwrap(), 0);
    assert_eq!(pool.leased(), 3 << 10);
    let reading = async {
        assert_eq!(peer.recv().await, Some(Frame::binary([1; 3_000])));
        assert_eq!(peer.recv().await.unwrap().close_code(), Some(1008));
        // It has not answered yet.
        assert_eq!(pool.leased(), 0);
        peer.send(Frame::close(1008, "")).await;
        peer.assert_end().await;
    };
    tokio::join!(run(member), reading);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn members_that_stall_with_a_message_of_their_own_each_do_not_pin_the_hub() {
    const LIMIT: usize = 4 << 20;
    const LEN: usize = 60_000;
    const STALLED: usize = 200;
    let pool = pool();
    let account = pool.account("hub", LIMIT);
    let hub = Hub::builder(&account)
        .max_queued(2 * (LEN + COST))
        .slow_member_timeout(Duration::from_millis(1))
        .build();
    let config = std::sync::Arc::new(Config::new());
    let (mut lively, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (member, mut peer) = join(&hub, &pool, 1 << 20);
        tokio::spawn(run(member));
        lively.push(tokio::spawn(async move {
            for index in 0..STALLED + 50 {
                assert_eq!(
                    peer.recv().await,
                    Some(Frame::binary([index as u8; LEN])),
                    "message {index}"
                );
            }
        }));
    }
    let mut stalled = Vec::new();
    for index in 0..STALLED {
        // One that joins now begins this message, and never reads on.
        let (near, peer) = duplex(Role::Server, 100);
        let member = hub.join(WebSocket::with_config(
            near,
            Role::Server,
            &pool,
            std::sync::Arc::clone(&config),
        ));
        stalled.push(tokio::spawn(run(member)));
        peers.push(peer);
        hub.send(message(&pool, index as u8, LEN)).await.expect("there is room for the others");
        assert!(account.leased() <= LIMIT);
        sleep(Duration::from_millis(5)).await;
    }
    assert!(account.peak() <= LIMIT, "{}", account.peak());
    for index in STALLED..STALLED + 50 {
        hub.send(message(&pool, index as u8, LEN)).await.expect("there is room for the others");
        sleep(Duration::from_millis(5)).await;
    }
    for task in lively {
        timeout(Duration::from_secs(20), task).await.expect("the others got all of it").unwrap();
    }
    let out = stalled.iter().filter(|task| task.is_finished()).count();
    assert!(out >= STALLED - LIMIT / LEN, "{out} are out");
    drop(peers);
    for task in stalled {
        timeout(Duration::from_secs(20), task).await.expect("it ends").unwrap();
    }
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn a_member_over_its_share_is_told_why_if_its_peer_reads() {
    let pool = pool();
    let account = pool.account("hub", 64 << 10);
    let hub = Hub::builder(&account).max_queued(1 << 20).build();
    let (first, of_first) = join(&hub, &pool, 10_000);
    for _ in 0..10 {
        hub.try_send(message(&pool, 7, 4_000)).unwrap();
    }
    // More than half of the account, but all of it is its share.
    let (mut second, mut of_second) = join(&hub, &pool, 10_000);
    assert_eq!(account.leased(), 40 << 10);
    hub.try_send(message(&pool, 8, 4_000)).unwrap();
    assert_eq!(account.leased(), 4 << 10, "what it had not begun is home");
    tokio::join!(run(first), part(of_first, 1008));
    assert!(once(second.recv()).await.is_pending());
    assert_eq!(of_second.recv().await, Some(Frame::binary([8; 4_000])));
    assert_eq!((hub.len(), pool.leased()), (1, 0));
}
