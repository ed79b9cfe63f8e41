//! Both directions, and their ends.

use std::time::Duration;

use leasehold::{
    Pool,
    io::{Relay, copy_bidirectional},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{SOON, beside, bytes, talk, tcp_pair};

#[tokio::test]
async fn bytes_and_counts_of_both_directions_are_right() {
    let pool = Pool::new(8 << 20).unwrap();
    for (there, back) in
        [(0, 0), (1, 0), (0, 1), (5_000_000, 3), (4096, 8192), (3_000_000, 4_000_000)]
    {
        let ((client, inbound), (server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let (sent, sent_back) = (bytes(there, 1), bytes(back, 2));
        let mut relay = Relay::new(inbound, outbound, &pool);
        let all = async { tokio::join!(&mut relay, talk(client, &sent), talk(server, &sent_back)) };
        let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
        assert!(heard == sent && heard_back == sent_back);
        assert_eq!(moved.unwrap(), (there as u64, back as u64));
        assert_eq!(
            (relay.a_to_b(), relay.b_to_a(), relay.leased()),
            (there as u64, back as u64, 0)
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn borrowed_sockets_are_there_afterwards() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((client, mut inbound), (server, mut outbound)) = (tcp_pair().await, tcp_pair().await);
    let all = async {
        tokio::join!(
            copy_bidirectional(&mut inbound, &mut outbound, &pool),
            talk(client, b"hello"),
            talk(server, b"hi")
        )
    };
    let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
    assert_eq!(
        (moved.unwrap(), heard_back.as_slice(), heard.as_slice()),
        ((5, 2), &b"hi"[..], &b"hello"[..])
    );
    assert!(inbound.local_addr().is_ok() && outbound.local_addr().is_ok());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn counts_are_seen_while_it_runs_and_nothing_is_held_while_idle() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    for round in 1..=3 {
        let exchange = async {
            client.write_all(&bytes(100_000, round)).await.unwrap();
            let mut heard = vec![0; 100_000];
            server.read_exact(&mut heard).await.unwrap();
            assert!(heard == bytes(100_000, round));
            server.write_all(b"!").await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'!');
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        beside(&mut relay, exchange).await;
        assert_eq!((relay.a_to_b(), relay.b_to_a()), (100_000 * round, round));
        assert_eq!((relay.leased(), pool.leased()), (0, 0));
    }
}

/// `first` ends its direction; the other one goes on, and ends the relay.
async fn half_closed(first: &mut TcpStream, second: &mut TcpStream) {
    first.write_all(b"question").await.unwrap();
    first.shutdown().await.unwrap();
    let mut heard = String::new();
    second.read_to_string(&mut heard).await.unwrap(); // the end is passed on
    assert_eq!(heard, "question");
    for part in ["a ", "long ", "answer"] {
        second.write_all(part.as_bytes()).await.unwrap();
        let mut heard = vec![0; part.len()];
        first.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, part.as_bytes());
    }
    second.shutdown().await.unwrap();
    assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_end_is_passed_on_and_the_other_direction_goes_on() {
    let pool = Pool::new(8 << 20).unwrap();
    for client_first in [true, false] {
        let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let mut relay = Relay::new(inbound, outbound, &pool);
        let peers = async {
            if client_first {
                half_closed(&mut client, &mut server).await;
            } else {
                half_closed(&mut server, &mut client).await;
            }
        };
        let (moved, ()) = timeout(SOON, async { tokio::join!(&mut relay, peers) }).await.unwrap();
        assert_eq!(moved.unwrap(), if client_first { (8, 13) } else { (13, 8) });
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn what_was_sent_before_the_end_arrives_before_it() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let sent = bytes(20_000, 3);
    client.write_all(&sent).await.unwrap();
    drop(client);
    let (moved, heard) = tokio::join!(Relay::new(inbound, outbound, &pool), talk(server, b""));
    assert!(heard == sent);
    assert_eq!(moved.unwrap(), (20_000, 0));
    assert_eq!(pool.leased(), 0);
}
