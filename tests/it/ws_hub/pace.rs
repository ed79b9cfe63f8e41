//! The pace of a sender: that of the slowest member that moves, and of none that does not.

use std::time::Duration;

use leasehold::ws::Hub;
use tokio::time::{Instant, sleep, timeout};

use crate::ws_hub::{COST, frame::Frame, join, message, once, pool, run};

const PATIENCE: Duration = Duration::from_millis(250);

const LEN: usize = 1_000;

#[tokio::test]
async fn a_sender_slows_down_to_the_slowest_member_that_moves() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(2 * (LEN + COST)).build();
    let (slow, mut of_slow) = join(&hub, &pool, LEN + 4);
    let (quick, mut of_quick) = join(&hub, &pool, 1 << 20);
    tokio::spawn(run(slow));
    tokio::spawn(run(quick));
    let begun = Instant::now();
    let sending = async {
        for index in 0..20 {
            assert_eq!(hub.send(message(&pool, index, LEN)).await.unwrap(), 2);
        }
        begun.elapsed()
    };
    let reading = async {
        for index in 0..20 {
            sleep(Duration::from_millis(20)).await;
            assert_eq!(of_slow.recv().await, Some(Frame::binary([index; LEN])));
        }
    };
    let reading_quickly = async {
        for index in 0..20 {
            assert_eq!(of_quick.recv().await, Some(Frame::binary([index; LEN])));
        }
    };
    let (elapsed, (), ()) = tokio::join!(sending, reading, reading_quickly);
    assert!(elapsed >= Duration::from_millis(15 * 20), "{elapsed:?}");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_member_that_moves_within_a_large_message_moves() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(LEN).build();
    let (slow, mut of_slow) = join(&hub, &pool, 8 << 10);
    tokio::spawn(run(slow));
    let sending = async {
        for index in 0..2 {
            // Each takes four times as long as the sender's slow_member_timeout.
            assert_eq!(
                hub.send(message(&pool, index, 160 << 10)).await.unwrap(),
                1,
                "it is waited for"
            );
        }
    };
    let reading = async {
        let mut read = vec![0; 2 * ((160 << 10) + 10)];
        for piece in read.chunks_mut(8 << 10) {
            sleep(PATIENCE / 5).await;
            tokio::io::AsyncReadExt::read_exact(&mut of_slow.io, piece).await.unwrap();
        }
        assert!(
            Frame::parse_all(&read)
                .iter()
                .enumerate()
                .all(|(index, frame)| frame.payload[0] == index as u8)
        );
    };
    timeout(10 * Duration::from_secs(10), async { tokio::join!(sending, reading) })
        .await
        .expect("all is read");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_member_that_reads_a_byte_now_and_then_does_not_move() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(LEN).build();
    let (slow, mut of_slow) = join(&hub, &pool, 10);
    tokio::spawn(run(slow));
    let begun = Instant::now();
    let sending = async {
        for index in 0..3 {
            hub.send(message(&pool, index, 160 << 10)).await.unwrap();
        }
        begun.elapsed()
    };
    let reading = async {
        loop {
            sleep(PATIENCE / 25).await;
            tokio::io::AsyncReadExt::read_u8(&mut of_slow.io).await.unwrap();
        }
    };
    tokio::select! {
        elapsed = sending => assert!(elapsed < 3 * PATIENCE, "{elapsed:?}"),
        () = reading => unreachable!("it reads forever"),
    }
}

#[tokio::test]
async fn a_member_that_had_nothing_to_send_for_long_has_not_stalled() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(2 * (LEN + COST)).build();
    let (member, mut peer) = join(&hub, &pool, LEN);
    tokio::spawn(run(member));
    hub.send("before").await.unwrap();
    assert_eq!(peer.recv().await, Some(Frame::text("before")));
    sleep(PATIENCE + Duration::from_millis(20)).await;
    let sending = async {
        for index in 0..20 {
            assert_eq!(hub.send(message(&pool, index, LEN)).await.unwrap(), 1);
        }
    };
    let reading = async {
        for index in 0..20 {
            assert_eq!(peer.recv().await, Some(Frame::binary([index; LEN])));
        }
    };
    timeout(10 * PATIENCE, async { tokio::join!(sending, reading) })
        .await
        .expect("all of it comes");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_member_that_stalls_is_waited_for_once() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(LEN + COST).build();
    let (stalled, _of_stalled) = join(&hub, &pool, 10);
    let (quick, mut of_quick) = join(&hub, &pool, 1 << 20);
    tokio::spawn(run(stalled));
    tokio::spawn(run(quick));
    let begun = Instant::now();
    for index in 0..50 {
        hub.send(message(&pool, index, LEN)).await.unwrap();
        assert_eq!(of_quick.recv().await, Some(Frame::binary([index; LEN])));
    }
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= PATIENCE - Duration::from_millis(20) && elapsed < 3 * PATIENCE,
        "{elapsed:?}"
    );
    drop(of_quick);
    assert!(pool.leased() <= 2 * 1024);
}

#[tokio::test]
async fn several_members_that_stalled_at_once_are_waited_for_together() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(LEN + COST).build();
    let stalled: Vec<_> = (0..100).map(|_| join(&hub, &pool, 10)).collect();
    let (members, _peers): (Vec<_>, Vec<_>) = stalled.into_iter().unzip();
    members.into_iter().for_each(|member| drop(tokio::spawn(run(member))));
    let begun = Instant::now();
    for index in 0..5 {
        hub.send(message(&pool, index, LEN)).await.unwrap();
    }
    assert!(begun.elapsed() < 3 * PATIENCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_sender_does_not_wait_for_a_member_that_has_gone() {
    let pool = pool();
    let hub =
        Hub::builder(&pool).max_queued(LEN).slow_member_timeout(Duration::from_secs(3600)).build();
    for is_closed in [false, true] {
        let (mut member, _peer) = join(&hub, &pool, 10);
        hub.try_send(message(&pool, 0, LEN)).unwrap();
        assert!(once(member.recv()).await.is_pending());
        let waiting = tokio::spawn({
            let (hub, message) = (hub.clone(), message(&pool, 1, LEN));
            async move { hub.send(message).await.unwrap() }
        });
        sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished(), "it waits for the member");
        if is_closed {
            hub.close();
        }
        drop(member);
        let count = timeout(Duration::from_secs(5), waiting).await.expect("it is woken").unwrap();
        assert_eq!((count, pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn a_send_that_is_dropped_has_sent_nothing() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(LEN).build();
    let (mut member, mut peer) = join(&hub, &pool, 10);
    hub.try_send(message(&pool, 0, LEN)).unwrap();
    assert!(once(member.recv()).await.is_pending());
    for index in 1..10 {
        assert!(once(hub.send(message(&pool, index, LEN))).await.is_pending());
    }
    assert_eq!(pool.leased(), 1024);
    tokio::spawn(run(member));
    assert_eq!(peer.recv().await, Some(Frame::binary([0; LEN])));
    hub.send("next").await.unwrap();
    assert_eq!(peer.recv().await, Some(Frame::text("next")));
    assert_eq!(pool.leased(), 0);
}
