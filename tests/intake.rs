//! Reading sockets and other transports into chains.

use std::{io::Write, time::Duration};

use bytes::Buf;
use leasehold::{ChainMut, Pool, io::Intake};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[tokio::test]
async fn a_socket_is_read_to_its_end() {
    let pool = Pool::new(8 << 20).unwrap();
    let (near, mut far) = tcp_pair().await;
    let sent: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let expected = sent.clone();
    let sender = std::thread::spawn(move || {
        let mut near = near.into_std().unwrap();
        near.set_nonblocking(false).unwrap();
        near.write_all(&sent).unwrap();
    });
    let (mut intake, mut chain) = (Intake::new(), ChainMut::new(&pool));
    let mut got = Vec::new();
    while intake.read(&mut far, &mut chain).await.unwrap() > 0 {
        got.extend_from_slice(&chain.split().freeze().to_vec());
    }
    sender.join().unwrap();
    assert!(got == expected);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn nothing_is_held_while_nothing_arrives() {
    let pool = Pool::new(8 << 20).unwrap();
    let (mut near, mut far) = tcp_pair().await;
    let (mut intake, mut chain) = (Intake::new(), ChainMut::new(&pool));
    for round in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(20), intake.read(&mut far, &mut chain)).await;
        assert!(waited.is_err(), "round {round}");
        assert_eq!(pool.leased(), 0);
        near.write_all(b"hello").await.unwrap();
        assert_eq!(intake.read(&mut far, &mut chain).await.unwrap(), 5);
        assert_eq!(pool.leased(), 4096);
        chain.advance(5);
    }
}
