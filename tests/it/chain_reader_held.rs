//! What reading holds: blocks of bytes that arrived, no others; and how much it asks for.

use std::time::Duration;

use bytes::{Buf, BufMut};
use leasehold::{ChainMut, Pool, io::ChainReader};
use tokio::io::AsyncWriteExt;

use crate::support::transport;
use transport::{
    Faulty, once, pattern,
    sockets::{reset, tcp_pair},
};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

// ---- blocks -------------------------------------------------------------------------------------

#[tokio::test]
async fn nothing_is_held_while_nothing_arrives() {
    let pool = pool();
    let (mut near, mut far) = tcp_pair().await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    for round in 0..3 {
        let waited =
            tokio::time::timeout(Duration::from_millis(20), reader.read(&mut far, &mut chain))
                .await;
        assert!(waited.is_err(), "round {round}");
        assert_eq!(pool.leased(), 0);
        near.write_all(b"hello").await.unwrap();
        assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 5);
        assert_eq!(pool.leased(), 4096);
        chain.advance(5);
    }
}

#[tokio::test]
async fn an_end_or_an_error_holds_nothing() {
    for is_reset in [false, true] {
        let pool = pool();
        let (mut near, mut far) = tcp_pair().await;
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        near.write_all(b"hello").await.unwrap();
        assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 5);
        // The block has room left.
        chain.advance(5);
        if is_reset {
            reset(near)
        } else {
            drop(near)
        }
        // It has come when it is read.
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(reader.read(&mut far, &mut chain).await.ok(), (!is_reset).then_some(0));
        assert_eq!(pool.leased(), 0, "reset: {is_reset}");
    }
}

#[tokio::test]
async fn blocks_that_were_not_filled_go_back_uncharged() {
    let pool = Pool::builder().budget(8 << 20).classes([4 * KIB]).build().unwrap();
    let (mut near, mut far) = tcp_pair().await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    // The first teaches the reader to ask for much.
    for sent in [100_000, 5, 4096, 4097, 3000] {
        near.write_all(&pattern(sent)).await.unwrap();
        while chain.len() < sent {
            reader.read(&mut far, &mut chain).await.unwrap();
            assert_eq!(
                pool.leased(),
                chain.len().div_ceil(4 * KIB) * 4 * KIB,
                "{} bytes",
                chain.len()
            );
        }
        assert!(chain.split().freeze().to_vec() == pattern(sent));
        chain.release_room();
        assert_eq!(pool.leased(), 0);
    }
    assert!(pool.stats().peak <= 200 * KIB);
}

#[tokio::test]
async fn small_blocks_are_read_into_eight_at_a_time() {
    let pool = Pool::builder().budget(8 << 20).classes([4 * KIB]).build().unwrap();
    let (mut near, mut far) = tcp_pair().await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    near.write_all(&pattern(100_000)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    // 4, 16, 32 and 32 KiB with one call each.
    assert_eq!(reader.read(&mut far, &mut chain).await.unwrap(), 84 * KIB);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_account_that_is_too_small_for_large_blocks_is_read_into_smaller_ones() {
    for (limit, expected) in [(KIB, KIB), (4 * KIB, 4 * KIB), (63 * KIB, 24 * KIB)] {
        let pool = pool();
        let account = pool.account("connection", limit);
        let (mut near, mut far) = tcp_pair().await;
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&account));
        near.write_all(&pattern(100_000)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut got = 0;
        while got < expected {
            got += reader.read(&mut far, &mut chain).await.unwrap();
        }
        assert!(account.leased() <= limit && chain.len() == got);
        drop(chain);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_partial_frame_that_is_waited_with_pins_little() {
    let pool = pool();
    let (mut near, mut far) = tcp_pair().await;
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let sent = pattern(200_007);
    near.write_all(&sent).await.unwrap();
    while chain.len() < sent.len() {
        reader.read(&mut far, &mut chain).await.unwrap();
    }
    chain.advance(200_000);
    assert!(pool.leased() >= 20 * KIB);
    assert!(once(reader.read(&mut far, &mut chain)).await.is_pending());
    assert!(pool.leased() <= 4 * KIB, "{} bytes are pinned by 7", pool.leased());
    // It goes on where it was.
    near.write_all(b"more").await.unwrap();
    reader.read(&mut far, &mut chain).await.unwrap();
    assert_eq!(chain.split().freeze().to_vec(), [&sent[200_000..], b"more"].concat());
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

// ---- the size of reads --------------------------------------------------------------------------

#[tokio::test]
async fn reads_grow_when_they_are_filled_shrink_when_not_and_forget_much_while_waiting() {
    let pool = pool();
    let mut io = Faulty::new(pattern(1 << 20)).staying_open();
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    for offered in [4 * KIB, 20 * KIB, 64 * KIB, 64 * KIB] {
        let count = reader.read(&mut io, &mut chain).await.unwrap();
        assert_eq!((count, *io.offered().last().unwrap()), (offered, offered));
        chain.clear();
    }
    let mut io = io.cut(1000);
    let mut sizes = Vec::new();
    for _ in 0..16 {
        reader.read(&mut io, &mut chain).await.unwrap();
        sizes.push(*io.offered().last().unwrap());
        chain.clear();
        chain.release_room();
    }
    assert_eq!((sizes[0], sizes[15]), (64 * KIB, 4 * KIB), "{sizes:?}");
    assert!(sizes.is_sorted_by(|before, after| before >= after), "{sizes:?}");
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_transport_that_is_no_socket_is_offered_one_block_and_charged_no_more() {
    let pool = pool();
    let account = pool.account("connection", 4 << 20);
    let mut io = Faulty::new(pattern(1 << 20));
    let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&account));
    while reader.read(&mut io, &mut chain).await.unwrap() > 0 {
        chain.clear();
    }
    assert_eq!((account.leased(), account.peak()), (0, 64 * KIB));
}

#[tokio::test]
async fn a_tail_that_is_nearly_full_is_not_filled_by_a_tiny_read() {
    let pool = pool();
    for left in [1, 100, 4095 / 8, 4096 / 8, 2000] {
        let mut io = Faulty::new(pattern(4096 - left)).staying_open();
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        reader.read(&mut io, &mut chain).await.unwrap();
        assert_eq!(chain.remaining_mut(), left);
        io.feed(&pattern(3000));
        reader.read(&mut io, &mut chain).await.unwrap();
        let offered = *io.offered().last().unwrap();
        assert!(offered >= 512, "{offered} bytes offered");
        let mut expected = pattern(4096 - left);
        expected.extend_from_slice(&pattern(3000)[..chain.len() - expected.len()]);
        assert!(chain.split().freeze().to_vec() == expected);
        drop(chain);
        assert_eq!(pool.leased(), 0);
    }
}
