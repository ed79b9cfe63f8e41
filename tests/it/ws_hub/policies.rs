//! Members that have no room: the oldest messages give way, or they are closed; what was begun is
//! sent to its end.

use leasehold::ws::{Hub, SlowPolicy};

use crate::ws_hub::{COST, frame::Frame, join, message, once, part, pool};

const LEN: usize = 100;

/// As many messages as fit.
const FIT: usize = 10;

/// What they count.
const HIGH_MARK: usize = FIT * (LEN + COST);

#[tokio::test]
async fn the_oldest_messages_give_way() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(HIGH_MARK).build();
    let (mut member, mut peer) = join(&hub, &pool, 10_000);
    for index in 0..30 {
        assert_eq!(
            hub.try_send(message(&pool, index, LEN)).unwrap(),
            1,
            "the newest is always taken"
        );
    }
    assert_eq!(member.dropped_count(), 20);
    assert_eq!(pool.leased(), FIT * 1024, "what gave way is home");
    assert!(once(member.recv()).await.is_pending());
    for index in 20..30 {
        assert_eq!(peer.recv().await, Some(Frame::binary([index; LEN])));
    }
    assert_eq!(pool.leased(), 0);
    drop(peer);
    assert!(member.recv().await.unwrap().is_err());
    drop(member);
    assert!(hub.is_empty());
}

#[tokio::test]
async fn a_message_that_was_begun_is_sent_to_its_end() {
    let pool = pool();
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Close] {
        let hub = Hub::builder(&pool).max_queued(HIGH_MARK).policy(policy).build();
        // The first message is cut by the transport.
        let (mut member, mut peer) = join(&hub, &pool, 30);
        hub.try_send(message(&pool, 0, LEN)).unwrap();
        assert!(once(member.recv()).await.is_pending());
        for index in 1..30 {
            let closed = policy == SlowPolicy::Close && usize::from(index) >= FIT;
            assert_eq!(
                hub.try_send(message(&pool, index, LEN)).unwrap(),
                usize::from(!closed),
                "{policy:?} {index}"
            );
            assert!(once(member.recv()).await.is_pending());
        }
        let reading = async {
            assert_eq!(peer.recv().await, Some(Frame::binary([0; LEN])));
            if policy == SlowPolicy::Close {
                return part(peer, 1008).await;
            }
            for index in 30 - FIT as u8 + 1..30 {
                assert_eq!(peer.recv().await, Some(Frame::binary([index; LEN])));
            }
            drop(peer);
        };
        let sending = async { while member.recv().await.is_some() {} };
        tokio::join!(sending, reading);
        assert_eq!(member.dropped_count(), if policy == SlowPolicy::Close { 0 } else { 20 });
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn of_several_messages_in_its_socket_none_is_dropped() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(HIGH_MARK).build();
    let (mut member, mut peer) = join(&hub, &pool, 30);
    for index in 0..5 {
        hub.try_send(message(&pool, index, LEN)).unwrap();
    }
    assert!(once(member.recv()).await.is_pending());
    for index in 5..30 {
        hub.try_send(message(&pool, index, LEN)).unwrap();
    }
    let reading = async {
        for index in (0..5).chain(25..30) {
            assert_eq!(peer.recv().await, Some(Frame::binary([index; LEN])));
        }
        drop(peer);
    };
    let (end, ()) = tokio::join!(member.recv(), reading);
    assert!(end.unwrap().is_err());
    assert_eq!((member.dropped_count(), pool.leased()), (20, 0));
}

#[tokio::test]
async fn a_message_above_the_high_mark_is_taken_alone() {
    let pool = pool();
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Close] {
        let hub = Hub::builder(&pool).max_queued(LEN).policy(policy).build();
        let (mut member, mut peer) = join(&hub, &pool, 20_000);
        assert_eq!(hub.try_send(message(&pool, 1, 10_000)).unwrap(), 1);
        if policy == SlowPolicy::DropOldest {
            assert_eq!(hub.try_send(message(&pool, 2, 10_000)).unwrap(), 1);
        }
        assert!(once(member.recv()).await.is_pending());
        let last = if policy == SlowPolicy::DropOldest { 2 } else { 1 };
        assert_eq!(peer.recv().await, Some(Frame::binary([last; 10_000])));
        assert_eq!(member.dropped_count(), u64::from(last - 1));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn where_what_was_begun_is_all_there_may_be_the_newest_is_dropped() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(HIGH_MARK).build();
    let (mut member, mut peer) = join(&hub, &pool, 30);
    hub.try_send(message(&pool, 1, HIGH_MARK)).unwrap();
    assert!(once(member.recv()).await.is_pending());
    assert_eq!(hub.try_send(message(&pool, 2, LEN)).unwrap(), 0);
    assert_eq!(member.dropped_count(), 1);
    let reading = async {
        assert_eq!(peer.recv().await, Some(Frame::binary([1; HIGH_MARK])));
        drop(peer);
    };
    let (end, ()) = tokio::join!(member.recv(), reading);
    assert!(end.unwrap().is_err());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_member_that_is_slow_changes_nothing_for_others() {
    let pool = pool();
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Close] {
        let hub = Hub::builder(&pool).max_queued(HIGH_MARK).policy(policy).build();
        let (mut slow, _of_slow) = join(&hub, &pool, 30);
        let (mut quick, mut of_quick) = join(&hub, &pool, 10_000);
        for index in 0..50 {
            let count = hub.try_send(message(&pool, index, LEN)).unwrap();
            assert!((1..=2).contains(&count));
            assert!(once(quick.recv()).await.is_pending() && once(slow.recv()).await.is_pending());
            assert_eq!(of_quick.recv().await, Some(Frame::binary([index; LEN])));
        }
        assert_eq!(quick.dropped_count(), 0);
        drop((quick, slow));
        assert_eq!(pool.leased(), 0);
    }
}
