//! Many threads: members that come and go, stall and read, while several senders broadcast.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use leasehold::{
    Pool,
    ws::{Hub, SlowPolicy},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{task::JoinSet, time::timeout};

use crate::ws_hub::{frame::Frame, join, run};

const SENDERS: u8 = 3;

/// A member's whole life: it reads, quickly or slowly, some of the time or not at all, and goes.
async fn live(hub: Hub, pool: Pool, mut dice: SmallRng) {
    let (member, mut peer) = join(&hub, &pool, 1 << dice.random_range(4..16));
    let task = tokio::spawn(run(member));
    let mut last = [None; SENDERS as usize];
    for _ in 0..dice.random_range(0..40) {
        match timeout(Duration::from_millis(dice.random_range(1..5)), peer.recv()).await {
            Ok(Some(frame)) if frame.opcode() == 2 => {
                let (sender, index) = (frame.payload[0], frame.payload[1]);
                assert_eq!(frame, whole(sender, index, frame.payload.len()));
                let last = &mut last[usize::from(sender)];
                assert!(last.is_none_or(|last| last < index), "in order, and none twice");
                *last = Some(index);
            }
            Ok(Some(close)) => assert_eq!(close.close_code(), Some(1008), "{close:?}"),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    if dice.random() {
        drop(peer);
        task.await.unwrap();
    } else {
        task.abort();
        let _ = task.await;
    }
}

fn whole(sender: u8, index: u8, len: usize) -> Frame {
    Frame::binary([&[sender, index][..], &vec![sender; len - 2]].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_come_and_go_while_several_senders_broadcast() {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Close] {
        let pool = Pool::new(32 << 20).unwrap();
        let account = pool.account("hub", 16 << 20);
        let hub = Hub::builder(&account)
            .policy(policy)
            .slow_member_timeout(Duration::from_millis(5))
            .build();
        let is_over = Arc::new(AtomicBool::new(false));
        let mut lives = JoinSet::new();
        for seed in 0..40 {
            let (hub, pool, is_over) = (hub.clone(), pool.clone(), Arc::clone(&is_over));
            lives.spawn(async move {
                let mut dice = SmallRng::seed_from_u64(seed);
                while !is_over.load(Relaxed) {
                    live(hub.clone(), pool.clone(), SmallRng::from_rng(&mut dice)).await;
                }
            });
        }
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (hub, pool) = (hub.clone(), pool.clone());
            senders.spawn(async move {
                for index in 0..=u8::MAX {
                    let len = 2 + usize::from(index) * 37 % 5_000;
                    let whole = bytes::Bytes::from(whole(sender, index, len).payload);
                    let mut chain = pool.try_chain(len).unwrap();
                    bytes::BufMut::put(&mut chain, whole);
                    hub.send(chain.freeze()).await.unwrap();
                }
            });
        }
        timeout(Duration::from_secs(40), async {
            while senders.join_next().await.transpose().unwrap().is_some() {}
        })
        .await
        .expect("nobody waits forever");
        is_over.store(true, Relaxed);
        timeout(Duration::from_secs(20), async {
            while lives.join_next().await.transpose().unwrap().is_some() {}
        })
        .await
        .expect("all of them end");
        assert_eq!((hub.len(), pool.leased(), pool.stats().waiting), (0, 0, 0));
    }
}
