//! `ws::Hub`, whose members are run by tasks.

use std::time::{Duration, Instant};

use leasehold::{
    Pool,
    ws::{Config, Hub, Message, Role, WebSocket},
};
use tokio::{net::TcpStream, task::JoinHandle, time::sleep};

use crate::delivery::{LARGE, hearing, large, pair, pool, reading, short, soon};

const MEMBERS: usize = 200;

/// A hub whose members have room for all that is sent here.
fn hub(pool: &Pool) -> Hub {
    Hub::builder(pool).max_queued(64 << 20).build()
}

/// A member that is run to its end, and its peer.
async fn join(hub: &Hub, pool: &Pool, config: Config) -> (JoinHandle<()>, TcpStream) {
    let (near, far) = pair().await;
    let mut member = hub.join(WebSocket::with_config(near, Role::Server, pool, config.into()));
    (tokio::spawn(async move { while member.recv().await.is_some() {} }), far)
}

async fn crowd(hub: &Hub, pool: &Pool) -> (Vec<JoinHandle<()>>, Vec<TcpStream>) {
    let (mut running, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..MEMBERS {
        let (member, peer) = join(hub, pool, Config::new()).await;
        running.push(member);
        peers.push(peer);
    }
    (running, peers)
}

#[tokio::test]
async fn send_has_put_its_message_into_so_many_mailboxes() {
    let pool = pool();
    let hub = hub(&pool);
    let (running, peers) = crowd(&hub, &pool).await;
    assert_eq!(hub.send("last").await.unwrap(), MEMBERS);
    for mut peer in peers {
        assert_eq!(crate::delivery::read_exactly(&mut peer, 6).await, b"\x81\x04last");
    }
    for member in running {
        soon(member).await.unwrap();
    }
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn close_sends_all_that_was_accepted_and_then_the_close_frame() {
    let pool = pool();
    // One after the other, with nothing between them; behind some more messages, of which a member
    // has begun a few; behind one that is large.
    for (before, size) in [(0, 5), (100, 5), (2, LARGE)] {
        let hub = hub(&pool);
        let (running, peers) = crowd(&hub, &pool).await;
        let count = if size == LARGE { 10 } else { MEMBERS };
        let peers: Vec<_> = peers.into_iter().take(count).collect();
        // Those whose peers are gone will leave.
        let message = if size == LARGE { large() } else { bytes::Bytes::from("early").into() };
        for _ in 0..before {
            hub.send(Message::binary(message.clone())).await.unwrap();
        }
        assert!(hub.send("last").await.unwrap() >= count);
        hub.close();
        assert!(hub.send("more").await.unwrap_err().is_closed());
        let heard: Vec<_> = peers.into_iter().map(hearing).collect();
        let mut expected = vec![(2, size); before];
        expected.extend([(1, 4), (8, 1001)]);
        let mut heard_by = 0;
        for heard in heard {
            heard_by += usize::from(short(&soon(heard).await.unwrap()) == expected);
        }
        println!(
            "{before} messages of {size} bytes, \"last\" and the close frame were heard by {heard_by} of {count}"
        );
        assert_eq!(heard_by, count);
        for member in running {
            soon(member).await.unwrap();
        }
        assert_eq!((hub.len(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn a_close_waits_no_longer_than_the_timeout_for_peers_that_do_not_read() {
    let pool = pool();
    let hub = hub(&pool);
    let (member, peer) =
        join(&hub, &pool, Config::new().close_timeout(Duration::from_secs(1))).await;
    hub.send(Message::binary(large())).await.unwrap();
    hub.try_send("last").unwrap();
    let begun = Instant::now();
    hub.close();
    soon(member).await.unwrap();
    assert!((900..5_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    drop(peer);
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn abort_ends_at_once_also_behind_a_close() {
    let pool = pool();
    for is_closed in [false, true] {
        let hub = hub(&pool);
        let (slow, of_slow) = join(&hub, &pool, Config::new()).await;
        hub.send(Message::binary(large())).await.unwrap();
        hub.try_send("last").unwrap();
        // One whose peer takes all and says nothing: not even an answer to the close frame.
        let (mute, of_mute) = join(&hub, &pool, Config::new()).await;
        let heard = reading(of_mute);
        if is_closed {
            hub.close();
            sleep(Duration::from_millis(50)).await;
            assert!(!slow.is_finished() && !mute.is_finished());
        }
        let begun = Instant::now();
        hub.abort();
        soon(slow).await.unwrap();
        soon(mute).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(soon(heard).await.unwrap()[..4], [0x88, 20, 0x03, 0xe9], "it was told");
        assert!(hub.send("more").await.unwrap_err().is_closed());
        drop(of_slow);
        assert_eq!((hub.len(), pool.leased()), (0, 0));
    }
}

#[tokio::test]
async fn a_drop_of_the_last_handle_loses_nothing_and_members_go_on() {
    let pool = pool();
    let hub = hub(&pool);
    let (member, far) = join(&hub, &pool, Config::new()).await;
    hub.send(Message::binary(large())).await.unwrap();
    hub.send("last").await.unwrap();
    drop(hub);
    let mut far = far;
    assert_eq!(
        crate::delivery::read_exactly(&mut far, 10 + LARGE + 6).await[10 + LARGE..],
        *b"\x81\x04last"
    );
    assert!(!member.is_finished());
    drop(far);
    soon(member).await.unwrap();
    assert_eq!(pool.leased(), 0);
}
