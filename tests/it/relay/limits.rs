//! Limits and memory.

use leasehold::{LeaseError, Pool, io::Relay};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{REST, SOON, beside, talk, tcp_pair};

/// Sends until nothing is taken any more; returns how much was.
async fn flood(peer: &mut TcpStream) -> usize {
    let mut total = 0;
    while let Ok(written) = timeout(REST, peer.write(&[7; 64 << 10])).await {
        total += written.unwrap();
    }
    total
}

#[tokio::test]
async fn sides_that_stop_reading_hold_at_most_the_limit() {
    let pool = Pool::new(8 << 20).unwrap();
    for limit in [0, 8 << 10, 64 << 10, 512 << 10] {
        let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let mut relay = Relay::with_limit(inbound, outbound, &pool, limit);
        let (mut sent, mut sent_back) = (0, 0);
        // On a slow machine the system may go on moving bytes that it took, just when nothing was
        // taken for a while.
        for _ in 0..10 {
            let floods = async { tokio::join!(flood(&mut client), flood(&mut server)) };
            let (more, more_back) = beside(&mut relay, floods).await;
            (sent, sent_back) = (sent + more, sent_back + more_back);
            if relay.leased() > 0 {
                break;
            }
        }
        let held = relay.leased();
        assert!(0 < held && held <= limit.max(8 << 10), "{held} bytes under {limit}");
        assert_eq!(pool.leased(), held);
        // They wake up again: nothing is lost.
        let all = async { tokio::join!(&mut relay, talk(client, b""), talk(server, b"")) };
        let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
        assert_eq!((heard.len(), heard_back.len()), (sent, sent_back));
        assert_eq!(moved.unwrap(), (sent as u64, sent_back as u64));
        assert_eq!(pool.leased(), 0);
    }
}

/// As `tcp_pair`, with kernel buffers of these lengths where the second one receives and the first
/// one sends.
async fn tcp_pair_with(send_len: u32, receive_len: u32) -> (TcpStream, TcpStream) {
    let (connecting, listening) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    connecting.set_send_buffer_size(send_len).unwrap();
    listening.set_recv_buffer_size(receive_len).unwrap();
    listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listening.listen(1).unwrap();
    let (near, far) =
        tokio::join!(connecting.connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[tokio::test]
async fn one_side_that_stops_reading_does_not_stop_the_other_direction() {
    let pool = Pool::new(8 << 20).unwrap();
    // Much is there to be read, and little is taken: the relay is offered more than its limit at
    // once.
    let (mut client, inbound) = tcp_pair_with(2 << 20, 2 << 20).await;
    let (outbound, mut server) = tcp_pair_with(4 << 10, 4 << 10).await;
    let mut relay = Relay::with_limit(inbound, outbound, &pool, 256 << 10);
    for _ in 0..3 {
        flood(&mut client).await;
        let exchange = async {
            server.read_exact(&mut vec![0; 1_000_000]).await.unwrap();
            for round in 0..100 {
                server.write_all(&[round; 1000]).await.unwrap();
                let mut heard = [0; 1000];
                client.read_exact(&mut heard).await.unwrap();
                assert_eq!(heard, [round; 1000]);
            }
        };
        beside(&mut relay, exchange).await;
        let held = relay.leased();
        assert!(0 < held && held <= 128 << 10, "{held} bytes");
    }
    assert_eq!(relay.b_to_a(), 300_000);
    drop(relay);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn it_waits_for_memory_that_others_have() {
    let pool = Pool::new(1 << 20).unwrap();
    let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    let all = pool.try_lease(1 << 20).unwrap();
    client.write_all(b"hello").await.unwrap();
    let starved = timeout(REST, beside(&mut relay, server.read_u8())).await;
    assert!(starved.is_err(), "there is no memory");
    drop(all);
    let heard = async {
        let mut heard = [0; 5];
        server.read_exact(&mut heard).await.unwrap();
        heard
    };
    assert_eq!(beside(&mut relay, heard).await, *b"hello");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_wait_for_memory_has_an_end() {
    let pool = Pool::builder().budget(1 << 20).max_wait(REST).build().unwrap();
    let ((mut client, inbound), (_server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let all = pool.try_lease(1 << 20).unwrap();
    client.write_all(b"hello").await.unwrap();
    let error = timeout(SOON, Relay::new(inbound, outbound, &pool).linger_timeout(REST))
        .await
        .unwrap()
        .unwrap_err();
    let error = error.get_ref().and_then(|error| error.downcast_ref::<LeaseError>());
    assert!(error.is_some_and(LeaseError::is_deadline_passed), "{error:?}");
    drop(all);
    assert_eq!(pool.leased(), 0);
}
