//! Reading while memory is short: it waits for its turn, goes on, or ends in time.

use std::{
    io::ErrorKind,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use leasehold::{BlockMut, ChainMut, LeaseError, Pool, io::ChainReader};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::transport;
use transport::{
    Faulty, once, pattern,
    sockets::{reset, tcp_pair},
};

const KIB: usize = 1 << 10;

/// A pool of sixteen blocks, and all of them.
fn exhausted(max_wait: Duration) -> (Pool, Vec<BlockMut>) {
    let pool =
        Pool::builder().budget(64 * KIB).classes([4 * KIB]).max_wait(max_wait).build().unwrap();
    let held = (0..16).map(|_| pool.try_lease(1).unwrap()).collect();
    (pool, held)
}

/// A socket in which these bytes have arrived.
async fn arrived(bytes: &[u8]) -> (TcpStream, TcpStream) {
    let (mut near, far) = tcp_pair().await;
    near.write_all(bytes).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    (near, far)
}

fn lease_error(error: &std::io::Error) -> &LeaseError {
    error.get_ref().and_then(|error| error.downcast_ref()).expect("the error of a lease")
}

#[tokio::test]
async fn a_read_waits_for_a_block_to_come_home_and_goes_on() {
    let (pool, mut held) = exhausted(Duration::from_secs(30));
    let (_near, mut far) = arrived(&pattern(10_000)).await;
    let (mut reader, mut chain, mut got) = (ChainReader::new(), ChainMut::new(&pool), 0);
    let count = {
        let mut reading = pin!(reader.read(&mut far, &mut chain));
        assert!(once(reading.as_mut()).await.is_pending());
        assert_eq!(pool.stats().waiting, 1);
        let (read, ()) = tokio::join!(reading, async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            held.pop();
        });
        read.unwrap()
    };
    assert_eq!((count, chain.len(), pool.stats().waiting), (4 * KIB, 4 * KIB, 0));
    got += count;
    // One block is enough for the rest, one after the other.
    while got < 10_000 {
        chain.clear();
        got += reader.read(&mut far, &mut chain).await.unwrap();
        assert_eq!(pool.leased(), 64 * KIB);
    }
    drop((chain, held));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn many_readers_share_few_blocks_and_all_come_to_their_end() {
    let pool = Pool::builder().budget(64 * KIB).classes([4 * KIB]).build().unwrap();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (near, mut far) = tcp_pair().await;
        let pool = pool.clone();
        readers.spawn(async move {
            let mut near = near;
            let content = pattern(300_000);
            let sending = async move {
                near.write_all(&content).await.unwrap();
            };
            let reading = async {
                let (mut reader, mut chain, mut got) =
                    (ChainReader::new(), ChainMut::new(&pool), Vec::new());
                while reader.read(&mut far, &mut chain).await.unwrap() > 0 {
                    chain.chunks().for_each(|chunk| got.extend_from_slice(chunk));
                    tokio::task::yield_now().await;
                    chain.clear();
                }
                got
            };
            let ((), got) = tokio::join!(sending, reading);
            assert!(got == pattern(300_000));
        });
    }
    readers.join_all().await;
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test]
async fn an_account_over_its_limit_waits_for_its_own_blocks() {
    let pool = Pool::new(8 << 20).unwrap();
    let account = pool.account("tenant", 8 * KIB);
    let mut held = vec![account.try_lease(4 * KIB).unwrap(), account.try_lease(4 * KIB).unwrap()];
    let (_near, mut far) = arrived(&pattern(100)).await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&account));
    assert!(once(reader.read(&mut far, &mut chain)).await.is_pending());
    held.pop();
    assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 100);
    assert!(account.leased() <= 8 * KIB);
    drop((chain, held));
    assert_eq!((account.leased(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn the_wait_ends_at_wait_max() {
    let (pool, held) = exhausted(Duration::from_millis(50));
    let (_near, mut far) = arrived(b"hello").await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let begun = Instant::now();
    let error = reader.read(&mut far, &mut chain).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(lease_error(&error).is_deadline_passed(), "{error}");
    assert!((50..1000).contains(&begun.elapsed().as_millis()));
    assert_eq!((pool.leased(), pool.stats().waiting), (64 * KIB, 0));
    // The bytes are still there.
    drop(held);
    assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 5);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_transport_waits_and_ends_as_a_socket_does() {
    let (pool, mut held) = exhausted(Duration::from_secs(30));
    let mut io = Faulty::new(pattern(10_000));
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let error = reader.read(&mut io, &mut chain).await.unwrap_err();
    assert!(lease_error(&error).is_deadline_passed() && io.unread().len() == 10_000, "{error}");
    assert!(once(reader.read(&mut io, &mut chain)).await.is_pending());
    held.pop();
    assert_eq!(reader.read(&mut io, &mut chain).await.unwrap(), 4096);
    drop((chain, held));
    assert_eq!(pool.leased(), 0);
}

// ---- whoever needs no memory --------------------------------------------------------------------

#[tokio::test]
async fn a_fresh_socket_without_bytes_holds_nothing_and_waits_for_no_memory() {
    for is_short in [false, true] {
        let (pool, mut held) = exhausted(Duration::from_millis(50));
        if !is_short {
            held.clear();
        }
        let leased = pool.leased();
        let (_near, mut far) = tcp_pair().await;
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        for _ in 0..3 {
            let waited =
                tokio::time::timeout(Duration::from_millis(100), reader.read(&mut far, &mut chain))
                    .await;
            assert!(waited.is_err(), "nothing has arrived");
            assert_eq!((pool.leased(), pool.stats().waiting, pool.stats().waits), (leased, 0, 0));
        }
        drop(held);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn an_end_is_seen_without_memory() {
    let (pool, held) = exhausted(Duration::from_secs(30));
    for is_waiting in [false, true] {
        let (near, mut far) = tcp_pair().await;
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        if is_waiting {
            assert!(once(reader.read(&mut far, &mut chain)).await.is_pending());
        }
        drop(near);
        let read =
            tokio::time::timeout(Duration::from_secs(1), reader.read(&mut far, &mut chain)).await;
        assert_eq!(read.expect("the end is seen").unwrap(), 0);
    }
    assert_eq!(pool.stats().waits, 0);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn whoever_is_reset_gives_its_place_up() {
    let (pool, held) = exhausted(Duration::from_secs(30));
    let (near, mut far) = arrived(b"hello").await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    assert!(once(reader.read(&mut far, &mut chain)).await.is_pending());
    assert_eq!(pool.stats().waiting, 1);
    reset(near);
    let read =
        tokio::time::timeout(Duration::from_secs(1), reader.read(&mut far, &mut chain)).await;
    assert_eq!(read.expect("the reset is seen").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(pool.stats().waiting, 0);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_half_closed_peer_with_bytes_is_served() {
    let (pool, mut held) = exhausted(Duration::from_secs(30));
    let (mut near, mut far) = arrived(b"hello").await;
    near.shutdown().await.unwrap();
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let read =
        tokio::time::timeout(Duration::from_millis(700), reader.read(&mut far, &mut chain)).await;
    assert!(read.is_err(), "there are bytes to be read first");
    held.pop();
    assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 5);
    chain.clear();
    assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 0);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

// ---- waits that would not end, and those that are given up --------------------------------------

#[tokio::test]
async fn a_chain_that_holds_all_its_account_may_have_gets_an_error_at_once() {
    let pool = Pool::builder().budget(8 << 20).classes([4 * KIB]).build().unwrap();
    let account = pool.account("connection", 12 * KIB);
    let (_near, mut far) = arrived(&pattern(20_000)).await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&account));
    let begun = Instant::now();
    let error = loop {
        match reader.read(&mut far, &mut chain).await {
            Ok(count) => assert!(count > 0),
            Err(error) => break error,
        }
    };
    assert!(
        lease_error(&error).is_too_large() && begun.elapsed() < Duration::from_secs(1),
        "{error}"
    );
    assert_eq!((error.kind(), chain.len()), (ErrorKind::OutOfMemory, 12 * KIB));
    assert!(error.to_string().contains("12288"), "{error}");
    // Nothing is lost, and it goes on when there is room again.
    let mut got = chain.split_to(4096).freeze().to_vec();
    while got.len() + chain.len() < 20_000 {
        reader.read(&mut far, &mut chain).await.unwrap();
        got.extend_from_slice(&chain.split_to(chain.len().min(8192)).freeze().to_vec());
    }
    got.extend_from_slice(&chain.freeze().to_vec());
    assert!(got == pattern(20_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_cancelled_wait_keeps_its_place_and_gives_it_up_when_dropped() {
    let (pool, mut held) = exhausted(Duration::from_secs(30));
    let (_near, mut far) = arrived(b"hello").await;
    let (_other_near, mut other_far) = arrived(b"other").await;
    let (mut first, mut second) = (ChainReader::new(), ChainReader::new());
    let (mut chain, mut other_chain) = (ChainMut::new(&pool), ChainMut::new(&pool));
    for _ in 0..5 {
        assert!(once(first.read(&mut far, &mut chain)).await.is_pending());
        assert!(once(second.read(&mut other_far, &mut other_chain)).await.is_pending());
        assert_eq!((pool.stats().waiting, pool.stats().waits), (2, 2));
    }
    held.pop();
    assert!(
        once(second.read(&mut other_far, &mut other_chain)).await.is_pending(),
        "it is behind the first"
    );
    drop(first);
    let Poll::Ready(read) = once(second.read(&mut other_far, &mut other_chain)).await else {
        panic!("it is its turn")
    };
    assert_eq!((read.unwrap(), pool.stats().waiting), (5, 0));
    other_chain.clear();
    drop((held, other_chain));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_full_pool_at_every_lease_loses_no_byte() {
    // All blocks but a few are taken while it reads: each of its leases is refused at some time.
    for free in 0..=16 {
        let (pool, mut held) = exhausted(Duration::from_secs(30));
        held.truncate(16 - free);
        let (near, mut far) = arrived(&pattern(60_000)).await;
        drop(near);
        let (mut reader, mut chain, mut got) =
            (ChainReader::new(), ChainMut::new(&pool), Vec::new());
        loop {
            match once(reader.read(&mut far, &mut chain)).await {
                Poll::Pending if free == 0 && pool.stats().waiting == 1 => drop(held.pop()),
                Poll::Pending => tokio::task::yield_now().await,
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(read) => {
                    assert!(read.unwrap() <= 64 * KIB);
                    got.extend_from_slice(&take_all(&mut chain));
                }
            }
        }
        assert!(got == pattern(60_000), "{free} blocks are free");
        drop((held, chain));
        assert_eq!(pool.leased(), 0);
    }
}

fn take_all(chain: &mut ChainMut) -> Vec<u8> {
    let bytes = chain.chunks().flatten().copied().collect();
    chain.clear();
    bytes
}
