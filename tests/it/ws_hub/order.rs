//! All members get the same messages in the same order, from when they join.

use std::time::Duration;

use leasehold::ws::Hub;
use tokio::time::timeout;

use crate::ws_hub::{chain, frame::Frame, join, message, once, pool, run};

#[tokio::test]
async fn a_member_gets_what_is_sent_after_it_has_joined_and_before_it_leaves() {
    let pool = pool();
    let hub = Hub::new(&pool);
    assert!(hub.is_empty());
    assert_eq!(hub.send("to nobody").await.unwrap(), 0);
    let (first, mut of_first) = join(&hub, &pool, 1_000);
    let first = tokio::spawn(run(first));
    assert_eq!(hub.send("one").await.unwrap(), 1);
    let (second, mut of_second) = join(&hub, &pool, 1_000);
    let second = tokio::spawn(run(second));
    assert_eq!((hub.send("two").await.unwrap(), hub.len()), (2, 2));
    assert_eq!(of_first.recv().await, Some(Frame::text("one")));
    assert_eq!(of_first.recv().await, Some(Frame::text("two")));
    assert_eq!(of_second.recv().await, Some(Frame::text("two")));
    drop(of_first);
    first.await.unwrap();
    assert_eq!((hub.send("three").await.unwrap(), hub.len()), (1, 1));
    // Its place is taken by the next one.
    let (third, mut of_third) = join(&hub, &pool, 1_000);
    let third = tokio::spawn(run(third));
    assert_eq!(hub.send("four").await.unwrap(), 2);
    assert_eq!(of_third.recv().await, Some(Frame::text("four")));
    assert_eq!(of_second.recv().await, Some(Frame::text("three")));
    assert_eq!(of_second.recv().await, Some(Frame::text("four")));
    drop((of_second, of_third));
    second.await.unwrap();
    third.await.unwrap();
    assert!(hub.is_empty());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn messages_of_all_kinds_are_broadcast() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let (member, mut peer) = join(&hub, &pool, 1 << 20);
    let member = tokio::spawn(run(member));
    hub.send("text").await.unwrap();
    hub.send(message(&pool, 7, 70_000)).await.unwrap();
    hub.send(leasehold::ws::Message::Ping(chain("?"))).await.unwrap();
    hub.send(leasehold::ws::Message::Pong(chain("!"))).await.unwrap();
    hub.send("").await.unwrap();
    let expected = [
        Frame::text("text"),
        Frame::binary([7; 70_000]),
        Frame::ping("?"),
        Frame::pong("!"),
        Frame::text(""),
    ];
    for frame in expected {
        assert_eq!(peer.recv().await, Some(frame));
    }
    drop(peer);
    member.await.unwrap();
    assert_eq!(pool.leased(), 0);
}

/// Numbers of senders and of their messages, as they came to each member.
async fn broadcast(senders: usize, messages: usize, members: usize) -> Vec<Vec<(u8, u32)>> {
    let pool = pool();
    // Room for all: it is about the order.
    let hub = Hub::builder(&pool).max_queued(usize::MAX).build();
    let peers: Vec<_> = (0..members)
        .map(|index| {
            let (member, mut peer) = join(&hub, &pool, 50 << (index % 8));
            tokio::spawn(run(member));
            tokio::spawn(async move {
                let mut heard = Vec::new();
                while heard.len() < senders * messages {
                    let frame = peer.recv().await.expect("a message");
                    let (sender, index) = frame.payload.split_first().unwrap();
                    heard.push((*sender, u32::from_be_bytes(index[..4].try_into().unwrap())));
                }
                heard
            })
        })
        .collect();
    let senders: Vec<_> = (0..senders as u8)
        .map(|sender| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for index in 0..messages as u32 {
                    let payload = [&[sender][..], &index.to_be_bytes(), &[0; 100]].concat();
                    assert_eq!(hub.send(chain(payload)).await.unwrap(), members);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let mut heard = Vec::new();
    for peer in peers {
        heard.push(timeout(Duration::from_secs(20), peer).await.expect("all of it comes").unwrap());
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_members_hear_concurrent_senders_in_the_same_order() {
    let heard = broadcast(4, 250, 20).await;
    for others in &heard[1..] {
        assert!(*others == heard[0]);
    }
    for sender in 0..4 {
        let of_sender = heard[0].iter().filter(|(of, _)| *of == sender).map(|(_, index)| *index);
        assert!(of_sender.eq(0..250), "each sender's messages stay in order");
    }
}

#[tokio::test]
async fn a_member_that_is_not_polled_gets_nothing_until_it_is() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let (mut member, mut peer) = join(&hub, &pool, 1_000);
    assert_eq!(hub.try_send("waits").unwrap(), 1);
    assert!(once(peer.recv()).await.is_pending());
    assert!(once(member.recv()).await.is_pending());
    assert_eq!(peer.recv().await, Some(Frame::text("waits")));
    drop(member);
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}
