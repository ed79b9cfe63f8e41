//! A member of a hub whose peer reads nothing: it is told that it is out, and lets go of what it
//! had begun to send.

use std::time::Duration;

use leasehold::{
    Pool,
    ws::{Config, Hub, Member, Message, Role, SlowPolicy, WebSocket},
};
use tokio::{io::DuplexStream, task::JoinHandle, time::timeout};

/// Of the peer's answer to a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A member whose transport takes 64 bytes, and its peer.
fn stalled(hub: &Hub, pool: &Pool) -> (Member<DuplexStream>, DuplexStream) {
    let (near, far) = tokio::io::duplex(64);
    let config = Config::new().close_timeout(CLOSE_TIMEOUT);
    (hub.join(WebSocket::with_config(near, Role::Server, pool, config.into())), far)
}

/// A task that does nothing but poll it, to its end.
fn run(mut member: Member<DuplexStream>) -> JoinHandle<()> {
    tokio::spawn(async move { while member.recv().await.is_some() {} })
}

fn message(pool: &Pool) -> Message {
    let mut chain = pool.try_chain(3000).expect("room");
    bytes::BufMut::put_bytes(&mut chain, b'x', 3000);
    chain.freeze().into()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_closed_by_policy_ends() {
    let pool = Pool::new(8 << 20).expect("a budget");
    let hub = Hub::builder(&pool).max_queued(8 << 10).policy(SlowPolicy::Close).build();
    let (member, _far) = stalled(&hub, &pool);
    let task = run(member);
    for _ in 0..4 {
        hub.try_send(message(&pool)).expect("room");
        tokio::time::sleep(Duration::from_millis(1)).await; // it begins to send the first
    }
    timeout(2 * CLOSE_TIMEOUT, task).await.expect("it ends").expect("no panic");
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_ends_when_the_hub_is_closed() {
    let pool = Pool::new(8 << 20).expect("a budget");
    let hub = Hub::new(&pool);
    let (member, _far) = stalled(&hub, &pool);
    let task = run(member);
    for _ in 0..2 {
        hub.try_send(message(&pool)).expect("room");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hub.close();
    timeout(2 * CLOSE_TIMEOUT, task).await.expect("it ends").expect("no panic");
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_with_more_than_its_share_ends() {
    let pool = Pool::new(8 << 20).expect("a budget");
    let hub = Hub::new(&pool.account("hub", 32 << 10));
    let (member, _far) = stalled(&hub, &pool);
    let (reader, mut near) = stalled(&hub, &pool);
    let (task, _reader) = (run(member), run(reader));
    tokio::spawn(async move { tokio::io::copy(&mut near, &mut tokio::io::sink()).await });
    for _ in 0..32 {
        hub.try_send(message(&pool)).expect("whoever holds most gives way");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    timeout(2 * CLOSE_TIMEOUT, task).await.expect("it ends").expect("no panic");
    assert_eq!((hub.len(), pool.leased()), (1, 0));
}
